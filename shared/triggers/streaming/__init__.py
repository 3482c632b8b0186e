"""Event streams: one poll of the feed for all of them, and one module per kind of client."""
