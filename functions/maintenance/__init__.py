"""What keeps the system going: due timers, the outbox, the backlog."""
