"""Operators' commands: `python -m shared.ops.<command>`."""
