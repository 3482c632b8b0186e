"""Operators' reads over all users, and their permissions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from shared import resources
from shared.domain import users
from shared.domain.transactions import lanes
from shared.store.tables.transactions import LANES
from shared.store.tables.users import USERS
from tests.emulated.conftest import Recorder
from tests.emulated.desk.world import Desk
from tests.support.inprocess import App

READS = ("orders", "claims", "supplies", "transactions", "wallets", "lanes", "nodes", "overview")
FRIEND = "0x00000000000000000000000000000000000000F1"


@pytest.fixture
def desk(app: App, published: Recorder, emulators: Mapping[str, str]) -> Desk:
    return Desk(app, published, emulators["RPC_URL"])


def get(app: App, path: str, **more: Any) -> Any:
    return app.ok(200, "GET", path, user="usr_operator", roles=("operator",), **more)


def ids(app: App, path: str) -> list[str]:
    """The ids of all pages, two rows per page."""
    found: list[str] = []
    cursor = ""
    while True:
        page = get(app, f"{path}{'&' if '?' in path else '?'}limit=2{cursor}")
        found += [item["id"] for item in page["items"]]
        assert len(page["items"]) <= 2
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


@pytest.mark.parametrize("what", READS)
def test_users_and_services_are_refused(app: App, what: str) -> None:
    for role in ("user", "service"):
        answer = app.call("GET", f"/admin/{what}", user="usr_1", roles=(role,))
        assert (answer.status, answer.code) == (403, "FORBIDDEN")
    assert app.call("GET", f"/admin/{what}").status == 401
    assert app.call("GET", f"/admin/{what}", user="usr_a", roles=("admin",)).status == 200


def test_orders_and_claims_of_everybody_come_newest_first_by_status(app: App, desk: Desk) -> None:
    first, second, claimer = desk.shopper(), desk.shopper(), desk.claimer()
    made = [desk.order(owner, "0.1")["id"] for owner in (first, second, first, second, first)]
    claim = desk.claimed(claimer, made[1])
    assert ids(app, "/admin/orders") == made[::-1]
    assert ids(app, "/admin/orders?status=open") == [made[4], made[3], made[2], made[0]]
    assert ids(app, "/admin/orders?status=claimed") == [made[1]]
    assert ids(app, f"/admin/orders?user_id={second}") == [made[3], made[1]]
    assert ids(app, "/admin/orders?currency=ETH&chain=local") == made[::-1]
    assert ids(app, "/admin/orders?currency=USDC") == []
    middle = get(app, f"/orders/{made[2]}")["created_at"]
    assert ids(app, f"/admin/orders?created_before={middle}") == [made[1], made[0]]
    assert ids(app, "/admin/claims?status=claimed") == [claim["id"]] == ids(app, "/admin/claims")
    assert ids(app, f"/admin/claims?user_id={first}") == []
    assert len(ids(app, "/admin/supplies?status=active")) == 2
    assert ids(app, "/admin/supplies?status=paused") == []


def test_a_cursor_of_another_filter_is_refused(app: App, desk: Desk) -> None:
    owner = desk.shopper()
    for _ in range(3):
        desk.order(owner, "0.1")
    cursor = get(app, "/admin/orders?limit=1")["next_cursor"]
    for path in ("/admin/orders?status=open", "/admin/claims?limit=1"):
        join = "&" if "?" in path else "?"
        answer = app.call("GET", f"{path}{join}cursor={cursor}", user="usr_o", roles=("operator",))
        assert (answer.status, answer.code) == (400, "INVALID_CURSOR")


def test_wallets_are_found_by_address_and_user(app: App, desk: Desk) -> None:
    owner = desk.person()
    first, second = desk.wallets([owner, desk.person()])
    assert ids(app, "/admin/wallets") and set(ids(app, "/admin/wallets")) == {first, second}
    assert ids(app, f"/admin/wallets?address={desk.address(second).lower()}") == [second]
    assert ids(app, f"/admin/wallets?user_id={owner}") == [first]
    assert ids(app, "/admin/wallets?type=hd") == []


def test_transactions_and_lanes_show_what_waits(app: App, desk: Desk) -> None:
    owner = desk.person()
    wallet = desk.imported(owner, ether=5)
    body = {"wallet_id": wallet, "to": FRIEND, "value": "1"}
    sent = app.ok(202, "POST", "/transactions", body, user=owner)
    assert ids(app, "/admin/transactions") == [sent["id"]] == ids(app, "/admin/transactions?status=queued")
    assert ids(app, "/admin/transactions?status=confirmed") == []
    assert ids(app, f"/admin/transactions?wallet_id={wallet}&chain=local") == [sent["id"]]
    assert ids(app, f"/admin/transactions?user_id={owner}&status=queued") == [sent["id"]]
    now = resources.clock().now()
    lane = lanes.open_lane("local", desk.address(wallet), latest=0, pending=0, finalized=0, now=now)
    resources.database().write([LANES.write("insert", lanes.pause(lane, "FUNDS_BLOCKED", now))])
    (shown,) = get(app, "/admin/lanes?paused=true")["items"]
    assert (shown["id"], shown["queued"], shown["paused_reason"]) == (lane.id, 1, "FUNDS_BLOCKED")
    operator: dict[str, Any] = {"user": "usr_o", "roles": ("operator",)}
    path = f"/admin/lanes/{lane.id}/resume"
    assert app.call("POST", path, {}, user=owner).status == 403
    assert app.ok(200, "POST", path, {}, **operator)["paused_reason"] is None
    assert get(app, "/admin/lanes?paused=true")["items"] == []
    assert [one["paused_reason"] for one in get(app, "/admin/lanes")["items"]] == [None]


def test_a_pause_that_evidence_lifts_is_not_lifted_by_hand(app: App, desk: Desk) -> None:
    now = resources.clock().now()
    lane = lanes.open_lane("local", FRIEND, latest=0, pending=0, finalized=0, now=now)
    resources.database().write([LANES.write("insert", lanes.pause(lane, "RESTORED", now))])
    answer = app.call("POST", f"/admin/lanes/{lane.id}/resume", {}, user="usr_o", roles=("operator",))
    assert (answer.status, answer.code) == (409, "LANE_PAUSED")


def test_the_overview_counts_and_adds_up(app: App, desk: Desk) -> None:
    owner, claimer = desk.shopper(supply="2"), desk.claimer()
    orders = [desk.order(owner, "0.5") for _ in range(2)]
    desk.claimed(claimer, orders[0]["id"])
    seen = get(app, "/admin/overview")
    counts = {one["status"]: one for one in seen["orders"]}
    assert (counts["open"]["count"], counts["claimed"]["count"]) == (1, 1)
    assert counts["open"]["oldest_at"] == orders[1]["created_at"]
    assert counts["completed"]["finished"] and not counts["open"]["more"]
    (money,) = seen["money"]
    assert (money["available"], money["reserved"], money["settled"]) == ("1", "1", "0")
    assert seen["money_complete"] and seen["dead_letters"]["count"] == 0
    assert sum(sum(hour["counts"].values()) for hour in seen["orders_by_hour"]) == 2
    assert len(seen["orders_by_hour"]) == 24


def test_one_account_is_shown_and_its_mail_to_administrators_alone(app: App, desk: Desk) -> None:
    owner = desk.person()
    user = users.register(user_id=owner, email="someone@example.com", now=resources.clock().now())
    resources.database().write([USERS.write("upsert", user)])
    assert get(app, f"/admin/users/{owner}")["email"] is None
    shown = app.ok(200, "GET", f"/admin/users/{owner}", user="usr_a", roles=("admin",))
    assert (shown["id"], shown["email"]) == (owner, "someone@example.com")
    missing = app.call("GET", "/admin/users/usr_none", user="usr_a", roles=("operator",))
    assert (missing.status, missing.code) == (404, "NOT_FOUND")
    assert app.call("GET", f"/admin/users/{owner}", user=owner).status == 403


def test_nodes_are_told_as_they_answer(app: App) -> None:
    nodes = get(app, "/admin/nodes")
    (node,) = nodes["items"]
    assert nodes["region"] == get(app, "/admin/overview")["region"] == "local"
    assert node["chain"] == "local" and node["healthy"] and not node["resting"] and node["behind"] == 0
