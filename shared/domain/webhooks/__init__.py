"""The rules of webhooks: endpoints, deliveries, lanes."""
