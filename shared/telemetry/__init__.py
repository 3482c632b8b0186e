"""Logs, metrics, traces and their export."""
