"""HTTP, Pub/Sub pushes and schedules in, replies out; the only flask."""
