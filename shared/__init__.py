"""What operations share: rooms in layers, each importing only rooms below it."""
