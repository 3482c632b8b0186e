"""Commands for operators: `python -m shared.ops.<command>`; and what several of them share."""
