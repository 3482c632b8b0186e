"""Claims: who has taken an order on, until when, and how it is paid."""
