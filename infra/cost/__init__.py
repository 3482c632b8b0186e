"""The cost model behind docs/cost.md."""
