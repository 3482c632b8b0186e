"""The callers' own event feeds."""
