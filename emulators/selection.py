"""Which of Google's services a local run stands on, each by itself.

What the environment names (SPANNER_EMULATOR_HOST …) is used; else an installed emulator; else the service is embedded:
carried in the product's own processes (docs/embedded.md). STORE=embedded or STORE=emulator chooses by hand.
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
    """By name. Raises Missing for a STORE that there is not, or that a deployment asks for."""
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


def told(chosen: Mapping[str, Choice]) -> list[str]:
    """A line for each kind of choice, for whoever starts a run."""
    lines = []
    for kind, verb in (("given", "named by the environment"), ("emulator", "started here")):
        names = [name for name, choice in chosen.items() if choice == kind]
        if names:
            lines.append(f"{verb}: {', '.join(names)}")
    embedded = [name for name, choice in chosen.items() if choice == "embedded"]
    if embedded:
        services = ", ".join(EMBEDDED_AS[name] for name in embedded)
        lines.append(
            f"embedded: {services}; `python -m emulators check` says what to install for the emulators"
        )
    return lines
