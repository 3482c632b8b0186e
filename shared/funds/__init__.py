"""On-chain balances of addresses, and the amounts committed against them."""
