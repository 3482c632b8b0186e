"""Functions shared by the operations on supplies, orders and claims."""
