"""The order desk: what operations on supplies, orders and claims have in common."""
