"""The environment of a run: context, clock, declared operations, refusals, events, limited HTTP."""
