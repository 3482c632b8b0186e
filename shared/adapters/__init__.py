"""Clients of other services, each behind a port: cache, rate limits, Pub/Sub, mail, screening."""
