"""Event streams: one poll of the feed for all of them, and one module for each kind of client."""
