"""Transactions: send them, follow them until they are final, cancel, speed up, simulate and estimate them."""
