"""Reads: GET by id through the cache, and pages of lists."""
