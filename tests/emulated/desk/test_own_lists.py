"""Owners' notes on their resources, and lists filtered by notes and by time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.emulated.desk.refusals import refused
from tests.emulated.desk.world import Desk
from tests.support.clock import TestClock

NOTED = {"invoice": "4711", "kind.of": "gift: for Ada", "empty": ""}
LISTS = ("supplies", "orders", "wallets", "transactions", "contracts")


def every_kind(desk: Desk, user: str, **more: Any) -> dict[str, Any]:
    """One of each kind, with its answer, by list."""
    ok = desk.app.ok
    wallet = ok(201, "POST", "/wallets", {"name": "till"} | more, user=user)["wallet"]
    desk.fund(wallet["address"], 10)
    account = ok(201, "POST", f"/wallets/{wallet['id']}/accounts", dict(more), user=user)["wallet"]
    imported = {"name": "own", "private_key": "0x" + "17" * 32} | more
    own = ok(201, "POST", "/wallets/import", imported, user=user)["wallet"]
    body = {"currency": "ETH", "amount": "2", "wallet_id": wallet["id"]} | more
    supply = ok(201, "POST", "/supplies", body, user=user)
    desk.react("on_supply_created", "supply.created", supply["id"])
    order = desk.order(user, "0.1", **more)
    call = {"to": own["address"], "wallet_id": wallet["id"]} | more
    sent = ok(202, "POST", "/transactions", call, user=user)
    code = {"name": "c", "bytecode": "0x600160005260016000f3", "abi": [], "wallet_id": wallet["id"]} | more
    contract = ok(202, "POST", "/contracts", code, user=user)["contract"]
    assert {one["id"] for one in (account, own)} < {w["id"] for w in desk.get("/wallets", user)["items"]}
    return {
        "supplies": supply,
        "orders": order,
        "wallets": wallet,
        "transactions": sent,
        "contracts": contract,
    }


def test_notes_are_shown_to_the_owner_and_found(desk: Desk) -> None:
    user, other = desk.person(), desk.claimer()
    plain, noted = every_kind(desk, user), every_kind(desk, other, metadata=NOTED)
    for kind in LISTS:
        assert plain[kind]["metadata"] == {}
        assert noted[kind]["metadata"] == NOTED
        seen = desk.get(f"/{kind}/{noted[kind]['id']}", other)
        assert seen["metadata"] == NOTED, kind
        for key, value in NOTED.items():
            found = desk.get(f"/{kind}?metadata={quote(f'{key}:{value}')}", other)
            assert noted[kind]["id"] in [one["id"] for one in found["items"]], (kind, key)
            assert len(found["items"]) == (3 if kind == "wallets" else 1)
        for wrong in ("invoice:471", "invoice:", "Invoice:4711", "other:x"):
            assert desk.get(f"/{kind}?metadata={wrong}", other)["items"] == []
        assert desk.get(f"/{kind}?metadata=invoice:4711", user)["items"] == []
    public = desk.get(f"/orders/{noted['orders']['id']}", user)
    assert "metadata" not in public


def test_notes_go_together_with_other_filters_and_pages(desk: Desk) -> None:
    user = desk.shopper(supply="3")
    made = [desk.order(user, "0.1", metadata={"batch": "a", "n": str(n % 2)})["id"] for n in range(7)]
    for order in made[:3]:
        desk.app.ok(200, "POST", f"/orders/{order}/cancel", user=user)
    desk.app.ok(204, "DELETE", f"/orders/{made[6]}", user=user)
    found, cursor, pages = [], "", 0
    while cursor is not None:
        page = desk.get(f"/orders?metadata=batch:a&limit=2{cursor and f'&cursor={cursor}'}", user)
        found += [one["id"] for one in page["items"]]
        cursor, pages = page["next_cursor"], pages + 1
        assert len(page["items"]) <= 2
    assert (found, pages) == (made[5::-1], 3)
    asked = desk.get("/orders?metadata=batch:a&status=cancelled", user)["items"]
    assert [one["id"] for one in asked] == made[2::-1]
    half = desk.get("/orders?metadata=n:1&status=open", user)["items"]
    assert [one["id"] for one in half] == [made[5], made[3]]
    first = desk.get("/orders?metadata=batch:a&limit=1", user)["next_cursor"]
    for other in ("metadata=n:1", "limit=1", "metadata=batch:a&status=open"):
        answer = desk.app.call("GET", f"/orders?{other}&cursor={first}", user=user)
        refused(answer, 400, "INVALID_CURSOR")


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        ({"no spaces": "x"}, "metadata.no spaces"),
        ({"": "x"}, "metadata."),
        ({"k" * 41: "x"}, "metadata." + "k" * 41),
        ({"k" * 100_000: "x"}, "metadata." + "k" * 64),
        ({"k": "x" * 501}, "metadata.k"),
        ({"k": "a\nb"}, "metadata.k"),
        ({"k": 5}, "metadata.k"),
        ({"k": {}}, "metadata.k"),
        ({str(n): "x" for n in range(17)}, "metadata"),
        (["k"], "metadata"),
    ],
)
def test_other_notes_are_refused(desk: Desk, metadata: Any, field: str) -> None:
    body = {"currency": "ETH", "amount": "1", "metadata": metadata}
    refused(desk.app.call("POST", "/supplies", body, user=desk.person()), 422, "VALIDATION_FAILED", field)


def test_the_most_notes_fit(desk: Desk) -> None:
    user = desk.shopper()
    most = {f"{n:02}".ljust(40, "k"): "🎁" * 500 for n in range(16)}
    made = desk.order(user, "0.1", metadata=most)
    assert desk.get(f"/orders/{made['id']}", user)["metadata"] == most
    filter_ = quote(f"{'00'.ljust(40, 'k')}:{'🎁' * 500}")
    assert len(desk.get(f"/orders?metadata={filter_}", user)["items"]) == 1


def times(desk: Desk, clock: TestClock, make: Callable[[], Any]) -> list[tuple[str, datetime]]:
    """Three resources, created a minute apart, with their times."""
    made = []
    for _ in range(3):
        made.append((make()["id"], clock.now()))
        clock.advance(timedelta(minutes=1))
    return made


@pytest.mark.parametrize("note", ["", "&metadata=k:v"])
def test_lists_take_a_time(desk: Desk, clock: TestClock, note: str) -> None:
    user = desk.shopper()
    made = times(desk, clock, lambda: desk.order(user, "0.1", metadata={"k": "v"}))

    def found(**window: datetime) -> list[str]:
        query = "".join(f"&{name}={quote(moment.isoformat())}" for name, moment in window.items())
        return [one["id"] for one in desk.get(f"/orders?limit=50{query}{note}", user)["items"]]

    ids, moments = [one for one, _ in made], [moment for _, moment in made]
    assert found() == ids[::-1]
    assert found(created_after=moments[1]) == [ids[2], ids[1]]
    assert found(created_before=moments[1]) == [ids[0]]
    assert found(created_after=moments[1], created_before=moments[2]) == [ids[1]]
    assert found(created_after=moments[2] + timedelta(seconds=1)) == []
    turned = f"created_after={quote(moments[2].isoformat())}&created_before={quote(moments[1].isoformat())}"
    refused(desk.app.call("GET", f"/orders?{turned}", user=user), 422, "VALIDATION_FAILED")


@pytest.mark.parametrize("kind", ["supplies", "orders", "claims", "wallets", "transactions", "contracts"])
def test_every_list_of_ones_own_takes_a_time(desk: Desk, kind: str) -> None:
    user = desk.person()
    every_kind(desk, user)
    if kind == "claims":
        desk.wallet(other := desk.person())
        user, _ = other, desk.claimed(other, desk.get("/orders", user)["items"][0]["id"])
    items = desk.get(f"/{kind}", user)["items"]
    assert items
    for query, count in (
        ("created_after=2020-01-01T00:00:00Z", len(items)),
        ("created_before=2020-01-01T00:00:00Z", 0),
        ("created_after=2100-01-01T00:00:00Z", 0),
    ):
        assert len(desk.get(f"/{kind}?{query}", user)["items"]) == count, query


@pytest.mark.parametrize("kind", ["supplies", "orders", "wallets", "contracts", "webhooks"])
def test_notes_can_be_changed_and_are_found_as_they_are_now(desk: Desk, kind: str) -> None:
    user = desk.person()
    if kind == "webhooks":
        body = {"url": "http://127.0.0.1:9/x", "event_types": ["*"], "metadata": NOTED}
        made = desk.app.ok(201, "POST", "/webhooks", body, user=user)
    else:
        made = every_kind(desk, user, metadata=NOTED)[kind]
    path = f"/{kind}/{made['id']}"
    made = desk.get(path, user)  # it has changed since

    def change(body: dict[str, Any], **headers: str) -> Any:
        return desk.app.call("PUT", path, body, user=user, headers=headers)

    now = {"invoice": "4712", "kind.of": NOTED["kind.of"]}
    changed = change({"metadata": now})
    assert (changed.status, changed.body["metadata"]) == (200, now)
    assert changed.body["version"] == made["version"] + 1
    assert change({"metadata": now}).body["version"] == made["version"] + 1
    assert desk.get(path, user)["metadata"] == now
    if kind != "webhooks":  # these are few, and not listed by their notes
        for note, wanted in (("invoice:4711", False), ("invoice:4712", True), ("empty:", False)):
            items = desk.get(f"/{kind}?metadata={note}", user)["items"]
            assert (made["id"] in [one["id"] for one in items]) == wanted, note
    refused(change({"metadata": {"a b": "x"}}), 422, "VALIDATION_FAILED", "metadata.a b")
    refused(change({"metadata": {}}, **{"If-Match": '"1"'}), 412, "VERSION_MISMATCH")
    assert desk.get(path, user)["metadata"] == now
    other = desk.app.call("PUT", path, {"metadata": {}}, user=desk.person("other"))
    refused(other, 404, "NOT_FOUND")
    assert change({"metadata": None}).body["metadata"] == {}


@pytest.mark.parametrize("kind", ["wallets", "contracts"])
def test_names_can_be_changed(desk: Desk, kind: str) -> None:
    user = desk.person()
    made = every_kind(desk, user, metadata=NOTED)[kind]
    changed = desk.app.ok(200, "PUT", f"/{kind}/{made['id']}", {"name": "till 2"}, user=user)
    assert (changed["name"], changed["metadata"]) == ("till 2", NOTED)


def test_a_closed_supply_takes_notes_and_nothing_else(desk: Desk) -> None:
    user = desk.person()
    supply = every_kind(desk, user)["supplies"]["id"]
    order = desk.get("/orders", user)["items"][0]["id"]
    desk.app.ok(200, "POST", f"/orders/{order}/cancel", user=user)
    desk.app.ok(204, "DELETE", f"/supplies/{supply}", user=user)
    noted = desk.app.ok(200, "PUT", f"/supplies/{supply}", {"metadata": {"a": "b"}}, user=user)
    assert (noted["status"], noted["metadata"]) == ("closed", {"a": "b"})
    both = desk.app.call("PUT", f"/supplies/{supply}", {"metadata": {}, "expires_at": None}, user=user)
    refused(both, 409, "INVALID_STATE")


@pytest.mark.parametrize("path", ["supplies", "wallets", "transactions", "contracts"])
def test_a_list_by_an_unknown_chain_names_the_known_ones(desk: Desk, path: str) -> None:
    answer = desk.app.call("GET", f"/{path}?chain=lcoal", user=desk.person())
    assert (answer.status, answer.code) == (422, "UNKNOWN_CHAIN")
    assert answer.body["error"]["data"]["known"] == ["local"]
    assert answer.body["error"]["message"] == "There is no such chain; there are: local."


@pytest.mark.parametrize("path", ["supplies", "orders", "orders/available"])
def test_a_list_by_an_unknown_currency_names_the_known_ones(desk: Desk, path: str) -> None:
    answer = desk.app.call("GET", f"/{path}?currency=DOGE", user=desk.person())
    assert (answer.status, answer.code) == (422, "UNSUPPORTED_CURRENCY")
    assert "ETH" in answer.body["error"]["data"]["known"]
