"""Consecutive products of one process are independent of each other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from emulators.product import Product
from emulators.stack import Stack


def test_a_product_leaves_the_environment_as_it_found_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("EMBEDDED", "EMBEDDED_FILE", "RPC_URL", "STATE_DIR"):
        monkeypatch.delenv(name, raising=False)
    before = dict(os.environ)
    stores = [tmp_path / "first.sqlite", tmp_path / "second.sqlite"]
    for store in stores:
        env = {
            "EMBEDDED": "spanner,pubsub,firestore",
            "EMBEDDED_FILE": str(store),
            "RPC_URL": "http://127.0.0.1:1",
        }
        Product(Stack(tmp_path), 1, env, tmp_path).migrate()
        assert store.exists() and dict(os.environ) == before
