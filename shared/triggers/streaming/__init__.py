"""Event streams for many: one poll of the feed for all of them, and how each kind of client is told."""
