"""Benchmarks: every other module here is one, by its name."""
