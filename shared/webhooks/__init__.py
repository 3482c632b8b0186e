"""Webhook deliveries to users' endpoints: what is sent, how it is signed, where it may go, and when it is repeated."""
