"""Webhooks as rules and rows: endpoints, deliveries, lanes."""
