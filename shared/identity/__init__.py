"""Credentials and their rules. Nothing in this package reads a database."""
