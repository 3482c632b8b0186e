"""Transactions: sent, followed to their end, cancelled, sped up, simulated and estimated."""
