"""Wallets: create, import, use, limit by policies, and delete them."""
