"""Transactions: sent, read, replaced, tried, and driven to their end."""
