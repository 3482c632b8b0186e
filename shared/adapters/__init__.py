"""Other services, each behind a port: cache, rate limits, Pub/Sub, mail, screening."""
