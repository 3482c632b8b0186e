"""Spanner access: a narrow port, typed tables, the unit of work, and one module of queries per aggregate."""
