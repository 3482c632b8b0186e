"""The methods of each path, for all operations. This module is separate from the catalog, so that only a change of
routes changes the digest of every operation."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from shared.runtime.operation import path_pattern


@cache
def _routes() -> dict[str, list[str]]:
    found: dict[str, list[str]] = json.loads(
        (Path(__file__).parent.parent / "routes.json").read_text(encoding="utf-8")
    )
    return found


def methods(path: str) -> list[str]:
    """The methods that any operation supports on this path."""
    found = (methods for route, methods in _routes().items() if path_pattern(route).match(path))
    return sorted({method for methods in found for method in methods})
