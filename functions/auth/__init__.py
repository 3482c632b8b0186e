"""Signing up, in and out; a person's own account, API keys and second factor."""
