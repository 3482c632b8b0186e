"""The database port on Cloud Spanner and its emulator."""
