"""What may leave a wallet by a transaction or a signature, read from its bytes."""
