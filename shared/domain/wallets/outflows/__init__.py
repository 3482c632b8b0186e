"""Read from its bytes what a transaction or a signature may take out of a wallet."""
