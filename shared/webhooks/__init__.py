"""Deliveries to users' endpoints: what is sent, signed by whom, to where it may go, and when again."""
