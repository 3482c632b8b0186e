"""What operations on supplies, orders and claims share."""
