"""The supported chains as data, and JSON-RPC with quorum."""
