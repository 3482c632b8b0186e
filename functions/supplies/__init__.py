"""Supplies: what shoppers commit of their wallets' balances."""
