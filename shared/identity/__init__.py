"""Credentials and their rules; reads no database."""
