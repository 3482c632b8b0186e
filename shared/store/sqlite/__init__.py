"""The storage port on SQLite, for local runs and tests."""
