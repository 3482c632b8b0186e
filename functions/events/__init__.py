"""The caller's event feed: as a list, a stream or a WebSocket."""
