"""Contracts: deploy or import them, call them, send to them, and follow their events."""
