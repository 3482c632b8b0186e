"""Webhook deliveries to users' endpoints: their content, signatures, allowed targets, and retries."""
