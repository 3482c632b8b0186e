"""Pure rules: standard library only, no I/O, no clock, no randomness. Refusals are raised from `errors`."""
