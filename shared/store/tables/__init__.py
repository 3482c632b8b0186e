"""One module per aggregate: its tables, indexes and queries."""
