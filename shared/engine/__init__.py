"""The engine accepts, signs, sends and confirms transactions (steps T0 to T8, docs/transactions.md) and pays claims."""
