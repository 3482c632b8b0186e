"""Claims: who pays out an order, and how it is settled."""
