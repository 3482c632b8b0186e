"""Schedules that keep the system going: due timers, unpublished events, and the size of the backlog."""
