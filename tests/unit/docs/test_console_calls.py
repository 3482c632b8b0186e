"""The API has every route that the console names, with its method."""

from __future__ import annotations

import json
import re

from emulators.toolkit import ROOT
from schemas.contract import generated

SOURCES = ROOT / "clients" / "console" / "src"
CALL = re.compile(r'\b(?:(get|post)\(|call\("([A-Z]+)", )([`"])(/[^`"]+)\3')
REPEATED = re.compile(r'\bpost\(([`"])(/[^`"]+)\1')
OF_LOCAL_RUNS = "/api/v1/sandbox/"  # the faucet


def named() -> set[tuple[str, str, str]]:
    """File, method and route, with `*` for each value."""
    found = set()
    for file in sorted(SOURCES.rglob("*.js")):
        for short, method, _, path in CALL.findall(file.read_text(encoding="utf-8")):
            route = re.sub(r"\$\{[^}]*\}", "*", path.partition("?")[0])
            found.add(
                (
                    file.name,
                    short.upper() or method,
                    route if route.startswith("/console") else f"/api/v1{route}",
                )
            )
    return {one for one in found if not one[2].startswith(OF_LOCAL_RUNS)}


def test_the_console_calls_what_there_is() -> None:
    paths = json.loads(generated.openapi())["paths"]
    served = {
        (method.upper(), re.sub(r"\{\w+\}", "*", path))
        for path, methods in paths.items()
        for method in methods
    }
    calls = named()
    assert len(calls) > 30
    assert {call for call in calls if call[1:] not in served} == set()


def test_only_routes_that_take_a_key_are_repeated() -> None:
    """`post` sends a request again whose answer was lost."""
    paths = json.loads(generated.openapi())["paths"]
    takes = {
        re.sub(r"\{\w+\}", "*", path)
        for path, methods in paths.items()
        if any(one.get("name") == "Idempotency-Key" for one in methods.get("post", {}).get("parameters", []))
    }
    sources = [file.read_text(encoding="utf-8") for file in SOURCES.rglob("*.js")]
    repeated = {re.sub(r"\$\{[^}]*\}", "*", path) for text in sources for _, path in REPEATED.findall(text)}
    assert len(repeated) > 10
    assert {f"/api/v1{path}" for path in repeated} - takes == set()
