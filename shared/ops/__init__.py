"""Commands for operators: `python -m shared.ops.<command>`."""
