"""Choose, for each of Google's services, what a local run uses.

A service that the environment names (SPANNER_EMULATOR_HOST …) is used as it is. Otherwise an installed emulator is
started. Otherwise the service is embedded: it runs in the product's own processes (docs/embedded.md). STORE=embedded or
STORE=emulator chooses explicitly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from emulators import toolkit
from emulators.services import Service

Choice = Literal["given", "emulator", "embedded"]
EMBEDDED_AS: Final = {
    "spanner": "Spanner → SQLite",
    "pubsub": "Pub/Sub → queue",
    "firestore": "Firestore → memory",
}


def choose(services: Sequence[Service], given: Mapping[str, str]) -> dict[str, Choice]:
    """The choice by name of the service. Raises Missing if STORE is invalid, or embedded in a deployment."""
    store = given.get("STORE", "")
    if store not in ("", "embedded", "emulator"):
        raise toolkit.Missing(f"STORE is embedded or emulator, not {store}.")
    if store == "embedded" and given.get("ENVIRONMENT", "local") != "local":
        raise toolkit.Missing(
            "STORE=embedded is for ENVIRONMENT=local: production is Spanner, Pub/Sub and Firestore."
        )
    return {service.name: _one(service, given, store) for service in services}


def _one(service: Service, given: Mapping[str, str], store: str) -> Choice:
    can = service.name in EMBEDDED_AS
    if can and store == "embedded":
        return "embedded"
    if given.get(service.variable):
        return "given"
    local = given.get("ENVIRONMENT", "local") == "local"
    if can and local and not store and service.program() is None:
        return "embedded"
    return "emulator"


def summary(chosen: Mapping[str, Choice]) -> list[str]:
    """A line of text for each kind of choice, to print when a run starts."""
    lines = []
    for kind, verb in (("given", "named by the environment"), ("emulator", "started here")):
        names = [name for name, choice in chosen.items() if choice == kind]
        if names:
            lines.append(f"{verb}: {', '.join(names)}")
    embedded = [name for name, choice in chosen.items() if choice == "embedded"]
    if embedded:
        services = ", ".join(EMBEDDED_AS[name] for name in embedded)
        lines.append(
            f"embedded: {services}; `.venv/bin/python -m emulators check` says what to install for the emulators"
        )
    return lines
