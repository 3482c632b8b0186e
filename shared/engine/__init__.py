"""The transaction engine: accepts, assigns nonces, signs, sends and follows transactions, and pays out claims."""
