"""Wallets: made, imported, read, used to sign, bounded by policies, and deleted."""
