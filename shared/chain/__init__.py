"""Chains as data, and JSON-RPC with quorum."""
