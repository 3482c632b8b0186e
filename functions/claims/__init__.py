"""Claims: who has taken on an order, until when, and how it is paid."""
