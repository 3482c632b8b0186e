"""The one line that says what an operation does or an event means."""

from __future__ import annotations


def plain(text: str) -> str:
    """Without Markdown's backticks: OpenAPI's `summary` is plain text, and its readers show them as they are."""
    return text.replace("`", "")
