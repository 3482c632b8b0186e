"""Messages that nobody could handle: recorded with a reason, listed, redriven."""
