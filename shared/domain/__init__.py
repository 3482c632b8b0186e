"""Business rules and row types; standard library only, no I/O."""
