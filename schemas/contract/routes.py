"""The routes of all operations, and their methods. This module is separate from the catalog, so that only a change of
routes changes the digest of every operation."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

from shared.runtime.operation import path_pattern

_FILE = Path(__file__).parent.parent / "routes.json"


@cache
def _routes() -> list[tuple[str, re.Pattern[str], list[str]]]:
    """Each route with its pattern and methods."""
    found: dict[str, list[str]] = json.loads(_FILE.read_text(encoding="utf-8"))
    return [(route, path_pattern(route), methods) for route, methods in found.items()]


def methods(path: str) -> list[str]:
    """The methods that any operation supports on this path, and HEAD where GET is."""
    found = {method for _, pattern, names in _routes() if pattern.match(path) for method in names}
    return sorted(found | {"HEAD"} if "GET" in found else found)


def similar(path: str) -> str | None:
    """The route that a wrong path probably means: without superfluous slashes, and with one /api/v1 or none."""
    parts = [part for part in path.split("/") if part]
    while parts[:2] == ["api", "v1"]:
        parts = parts[2:]
    if not parts:
        return None
    for candidate in ("/" + "/".join(parts), "/" + "/".join(["api", "v1", *parts])):
        for route, pattern, _ in _routes():
            if candidate != path and pattern.match(candidate):
                return route
    return None
