"""Scheduled work: relaying what requests left in the outbox, and firing due timers."""
