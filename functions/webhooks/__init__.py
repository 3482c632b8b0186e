"""Webhook endpoints of users, and what is delivered to them."""
