"""Balances of addresses on chain, and the commitments against them."""
