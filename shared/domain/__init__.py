"""Pure rules and rows: standard library only, no I/O."""
