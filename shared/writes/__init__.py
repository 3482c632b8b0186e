"""Commit mutations: replay, group commit, outbox."""
