"""Messages and entries of another release: upgraded, refused or recorded, never a crash."""

from __future__ import annotations

from typing import Any

import pytest

from shared.runtime import operation
from tests.emulated.desk.world import Desk
from tests.support.inprocess import command

REACTIONS = sorted(
    (entry.name, kind)
    for entry in operation.catalog().values()
    for trigger in entry.messages
    if trigger.request is None and "*" not in trigger.types
    for kind in trigger.types
)


@pytest.mark.parametrize(
    "change",
    [
        {"data": {}},
        {"data": {"id": 7, "amount": 1.5}},
        {"sequence": "1"},
        {"sequence": None},
        {"dataschema": "https://example.com/v0", "extra": [1]},
    ],
)
def test_an_event_of_another_shape_has_its_effect(desk: Desk, change: dict[str, Any]) -> None:
    """A reaction reads the row and ignores the event's data."""
    user = desk.person()
    desk.wallet(user, ether=3)
    made = desk.app.ok(201, "POST", "/supplies", {"currency": "ETH", "amount": "2"}, user=user)
    old = {**desk.envelope("supply.created", made["id"]), **change}
    assert desk.app.push("on_supply_created", old).status == 204
    assert desk.get(f"/supplies/{made['id']}", user)["status"] == "active"
    assert desk.dead_letters() == []


@pytest.mark.parametrize(("name", "kind"), REACTIONS)
def test_no_reaction_needs_what_an_event_tells(desk: Desk, name: str, kind: str) -> None:
    old = command(kind, "sup_nowhere", {})
    assert desk.app.push(name, old).status == 204
    assert desk.app.push(name, old | {"sequence": -1, "data": {"id": None}}).status == 204
    assert desk.dead_letters() == []


@pytest.mark.parametrize(
    "change",
    [
        {"specversion": "0.3"},
        {"specversion": 1.0},
        {"data": "text"},
        {"data": None},
        {"id": 7},
        {"source": ""},
    ],
)
def test_an_envelope_of_another_version_is_a_dead_letter(desk: Desk, change: dict[str, Any]) -> None:
    shopper, claimer = desk.shopper(), desk.claimer()
    order = desk.order(shopper)
    sent = command("claim.claim", claimer, {"order_id": order["id"]}) | change
    assert desk.app.push("claim_order", sent).status == 204
    (letter,) = desk.dead_letters()
    assert (letter.consumer, letter.topic) == ("claim_order", "claim-commands")
    assert letter.reason.startswith("The ")
    assert desk.get(f"/orders/{order['id']}", shopper)["status"] == "open"


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"currency": "ETH"}, "amount"),  # a field that is now required
        ({"currency": "ETH", "amount": "1", "owner": "usr_1"}, "owner"),  # a field that was removed
        ({"currency": "ETH", "amount": 1}, "amount"),  # a field that had another type
        ({"currency": "ETH", "amount": "1", "if_match": "1"}, "if_match"),
    ],
)
def test_a_command_of_another_version_is_refused_to_its_sender(
    desk: Desk, data: dict[str, Any], field: str
) -> None:
    user = desk.person()
    desk.wallet(user, ether=3)
    sent = command("supply.create", user, data)
    assert desk.app.push("create_supply", sent).status == 204
    told = desk.feed(user, "command.refused")
    assert (told["causation_id"], told["data"]["error"]["code"]) == (sent["id"], "VALIDATION_FAILED")
    assert [detail["field"] for detail in told["data"]["error"]["details"]] == [field]
    assert (desk.get("/supplies", user)["items"], desk.dead_letters()) == ([], [])


def test_a_type_that_nobody_knows_any_more_is_a_dead_letter(desk: Desk) -> None:
    old = command("claim.take", "usr_1", {"order_id": "ord_1"})
    desk.app.push("record_dead_letter", old, topic="claim-commands")
    assert [letter.reason for letter in desk.dead_letters()] == [
        "No operation takes commands of type claim.take."
    ]
