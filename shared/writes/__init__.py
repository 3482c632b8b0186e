"""How a mutation is committed: replay, group commit, outbox."""
