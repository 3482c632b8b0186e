"""Streams of events over gRPC: the same as `streams`."""

from __future__ import annotations

from tests.bench.streams import product, run

__all__ = ["product", "run"]
