"""Benchmarks: every other module here is one benchmark with the same name."""
