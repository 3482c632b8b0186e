"""Contracts: deployed or imported, called, sent to, and their events followed."""
