"""Streams of events over WebSockets: the same as `streams`."""

from __future__ import annotations

from tests.bench.streams import product, run

__all__ = ["product", "run"]
