"""The port to the database, typed tables and the unit of work."""
