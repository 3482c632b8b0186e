"""The reference explains every event type."""

from __future__ import annotations

import json
import re
from typing import get_args

import pytest

from shared.domain import event_types
from shared.domain.desk.states import SupplyStatus
from shared.domain.errors import InvalidValue
from shared.domain.transactions.states import TERMINAL
from tests.unit.docs.pages import ROOT, tracked

AGGREGATES = {kind.partition(".")[0] for kind in event_types.TYPES}
NAMED = re.compile(rf'"((?:{"|".join(sorted(AGGREGATES))})\.[a-z_]+)"')
OTHERS = {
    "contract.contract",
    "wallet.request_id",
    "wallet.operation",
}  # a module of web3, attributes of spans


def catalog() -> dict[str, dict[str, object]]:
    text = (ROOT / "schemas" / "catalog.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, object]] = json.loads(text)["operations"]
    return found


def taken(*, commands: bool) -> set[str]:
    """The types that an operation accepts, as commands or as events."""
    triggers = [trigger for entry in catalog().values() for trigger in entry["messages"]]  # type: ignore[attr-defined]
    return {kind for one in triggers if one["command"] is commands for kind in one["types"] if kind != "*"}


def unknown(text: str) -> set[str]:
    """Names in a source that look like events but are none."""
    return set(NAMED.findall(text)) - event_types.TYPES.keys() - taken(commands=True) - OTHERS


def test_the_source_names_no_other_events() -> None:
    files = [n for n in tracked() if n.endswith(".py") and n.split("/")[0] in ("shared", "functions")]
    found = {name: unknown((ROOT / name).read_text(encoding="utf-8")) for name in files}
    assert {name: kinds for name, kinds in found.items() if kinds} == {}
    assert taken(commands=False) <= event_types.TYPES.keys()


def test_an_event_that_is_none_is_found() -> None:
    assert unknown('unit.emit("order.created", …); unit.emit("order.polished", …)') == {"order.polished"}


def test_events_that_are_named_after_a_state_exist() -> None:
    named = {f"transaction.{state}" for state in TERMINAL}
    named |= {f"supply.{status}" for status in get_args(SupplyStatus) if status not in ("pending", "active")}
    assert named <= event_types.TYPES.keys()


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["order.created"], {"order.created"}),
        (["contract.*", "order.created"], {*event_types.of("contract"), "order.created"}),
    ],
)
def test_filters_name_types(names: list[str], found: set[str]) -> None:
    assert event_types.chosen(names, field="types") == found


@pytest.mark.parametrize("name", ["", "order", "order.", "order.nothing", "*", ".*", "ord*", "order.*.*"])
def test_other_filters_are_refused_with_what_there_is(name: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        event_types.chosen(["order.created", name], field="types")
    assert refused.value.data["known"] == list(event_types.TYPES)
    assert refused.value.details[0]["field"] == "types"
