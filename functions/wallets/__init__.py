"""Wallets: created, imported, read, used to sign, limited by policies, and deleted."""
