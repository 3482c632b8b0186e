"""The rules of wallets and of their policies."""
