"""The rules of transactions: acceptance, nonces, attempts, fees, outcome."""
