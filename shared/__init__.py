"""The code that functions share; see docs/developing.md for what goes where."""
