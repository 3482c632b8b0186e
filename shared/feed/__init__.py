"""The event feed: a user's own events, all users' events for operators, and limits for readers that stay connected."""
