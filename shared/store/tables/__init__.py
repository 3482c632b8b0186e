"""One module per aggregate, with its tables, indexes and queries."""
