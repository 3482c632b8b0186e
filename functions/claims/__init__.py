"""Claims: which claimer holds an order, until when, and how the claim is paid."""
