"""The supported chains."""
