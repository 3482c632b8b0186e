"""What surrounds one run: context, clock, declared operations, refusals, events, bounded HTTP."""
