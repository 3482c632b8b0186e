"""Custody, policies, approval, signing and deletion of wallets."""
