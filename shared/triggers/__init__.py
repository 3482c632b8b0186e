"""Receive HTTP requests, Pub/Sub pushes and schedules, and send replies. Only this package uses flask."""
