"""The transaction engine: accept, nonces, sign, send, follow; payouts of claims."""
