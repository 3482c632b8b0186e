"""The output of `make generate`, for operations that need it without importing all other operations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent
NUMBERS = FOLDER / "proto" / "numbers.json"


@cache
def openapi() -> str:
    """The text of the OpenAPI document's file."""
    return (FOLDER / "openapi.json").read_text(encoding="utf-8")


@cache
def _catalog() -> Any:
    return json.loads((FOLDER / "catalog.json").read_text(encoding="utf-8"))


@cache
def commands() -> Mapping[str, frozenset[str]]:
    """The types of commands and events that some operation accepts from each topic ("*" is not included)."""
    found: dict[str, frozenset[str]] = {}
    for entry in _catalog()["operations"].values():
        for trigger in entry["messages"]:
            found[trigger["topic"]] = found.get(trigger["topic"], frozenset()) | (
                set(trigger["types"]) - {"*"}
            )
    return found
