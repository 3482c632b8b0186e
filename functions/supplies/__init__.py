"""Supplies: parts of wallets' balances that shoppers commit to orders."""
