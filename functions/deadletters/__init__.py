"""Dead letters: messages that could not be handled, recorded with a reason, listed and sent again."""
