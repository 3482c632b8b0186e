"""The layers in docs/developing.md are those that import-linter enforces."""

from __future__ import annotations

import re
import tomllib

from tests.unit.docs.pages import ROOT, Page


def test_the_table_is_the_contract() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (contract,) = (one for one in settings["contracts"] if one["type"] == "layers")
    held = [set(layer.split(" | ")) for layer in reversed(contract["layers"])]
    rows = re.findall(r"^\| (\d+) \| `([^`]+)` \|", Page(ROOT / "docs" / "developing.md").text, re.MULTILINE)
    shown: list[set[str]] = [set() for _ in held]
    for number, path in rows:
        shown[int(number) - 1].add(path.partition("/<")[0].rstrip("/").removesuffix(".py").replace("/", "."))
    assert shown == held


def test_every_room_is_in_a_layer() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    rooms = {path.parent.name for path in (ROOT / "shared").glob("*/__init__.py")}
    assert {room for room in rooms if f"shared.{room}" not in text} == set()
