"""The database port, the typed tables and the unit of work."""
