"""Streams of events over gRPC: what `streams` measures."""

from __future__ import annotations

from tests.bench.streams import product, run

__all__ = ["product", "run"]
