"""Schedules that keep the system going: due timers, events left in the outbox, and the size of the backlog."""
