"""Webhook endpoints of users, and the deliveries to them."""
