"""The services of a local run: a variable has priority, then an installed emulator, otherwise the embedded service;
STORE selects by hand."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from emulators import selection, toolkit
from emulators.services import SERVICES, Service

PLACES = {name: {SERVICES[name].variable: "127.0.0.1:9"} for name in SERVICES}


def chosen(env: dict[str, str], installed: Sequence[str] = ()) -> dict[str, str]:
    services = [
        Service(
            one.name,
            one.variable,
            lambda name=one.name: ["x"] if name in installed else None,  # type: ignore[misc]
            one.where,
            one.probe,
        )
        for one in SERVICES.values()
    ]
    return dict(selection.choose(services, env))


def test_each_service_is_chosen_by_itself() -> None:
    found = chosen(PLACES["pubsub"], installed=["spanner", "node"])
    assert found == {"spanner": "emulator", "pubsub": "given", "firestore": "embedded", "node": "emulator"}
    assert len(selection.summary(selection.choose([*SERVICES.values()], {"STORE": "embedded"}))) == 2


def test_by_hand_all_are_embedded_but_the_node_or_none_is() -> None:
    every = PLACES["spanner"] | PLACES["firestore"]
    assert chosen(every | {"STORE": "embedded"}, installed=["spanner"]) == dict.fromkeys(
        selection.EMBEDDED_AS, "embedded"
    ) | {"node": "emulator"}
    assert "embedded" not in chosen({"STORE": "emulator"}).values()


def test_a_deployment_embeds_nothing() -> None:
    with pytest.raises(toolkit.Missing, match="production is Spanner"):
        chosen({"STORE": "embedded", "ENVIRONMENT": "prod"})
    assert "embedded" not in chosen({"ENVIRONMENT": "staging"}).values()
    with pytest.raises(toolkit.Missing, match="not sqlite"):
        chosen({"STORE": "sqlite"})
