"""The port on Cloud Spanner and its emulator."""
