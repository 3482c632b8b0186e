"""HTTP requests, Pub/Sub pushes and schedules come in, replies go out; only here is flask used."""
