"""The one-line description of an operation or event."""

from __future__ import annotations


def plain(text: str) -> str:
    """Remove Markdown's backticks: OpenAPI's `summary` is plain text, and its readers would show them."""
    return text.replace("`", "")
