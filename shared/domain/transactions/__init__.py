"""Rules of transactions: accepting, nonces, attempts, fees, outcome."""
