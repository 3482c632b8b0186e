"""One mutation: commit, replay, group commit, outbox."""
