"""What the operations on supplies, orders and claims share."""
