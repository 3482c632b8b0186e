"""Test a policy draft on a wallet's past transactions: nothing changes, and strangers see nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.emulated.conftest import Recorder
from tests.emulated.desk.world import Desk
from tests.support.inprocess import App

FRIEND, OTHER = "0x00000000000000000000000000000000000000F1", "0x00000000000000000000000000000000000000F2"
ETHER = 10**18


@pytest.fixture
def desk(app: App, published: Recorder, emulators: Mapping[str, str]) -> Desk:
    return Desk(app, published, emulators["RPC_URL"])


def test_what_was_sent_is_held_to_the_draft(app: App, desk: Desk) -> None:
    owner = desk.person()
    wallet, other = desk.imported(owner, ether=9), desk.imported(owner, ether=9)

    def sent(source: str, to: str, ether: int) -> Any:
        body = {"wallet_id": source, "to": to, "value": str(ether * ETHER)}
        return app.ok(202, "POST", "/transactions", body, user=owner)["id"]

    small, big, elsewhere = sent(wallet, FRIEND, 1), sent(wallet, FRIEND, 3), sent(wallet, OTHER, 1)
    sent(other, OTHER, 5)
    path = f"/wallets/{wallet}/policy/replay"

    def replayed(draft: dict[str, Any], user: str = owner, *roles: str) -> Any:
        return app.ok(200, "POST", path, draft, user=user, roles=roles or ("user",))

    nothing = replayed({})
    assert (nothing["checked"], nothing["refused"], nothing["items"], nothing["complete"]) == (3, 0, [], True)
    limit = {"asset": "native", "max_per_transaction": str(2 * ETHER)}
    draft = {"limits": [limit], "allowed_recipients": [FRIEND]}
    seen = replayed(draft)
    assert {one["transaction_id"]: one["rule"] for one in seen["items"]} == {
        big: "max_per_transaction",
        elsewhere: "allowed_recipients",
    }
    assert seen["refused"] == 2 and seen["items"][0]["outcome"] == "refused"
    daily = {"limits": [{"asset": "native", "max_per_day": str(2 * ETHER)}]}
    assert [one["transaction_id"] for one in replayed(daily)["items"]] == [elsewhere, big]
    approval = replayed({"approval_above": str(2 * ETHER)})
    assert (approval["for_approval"], approval["items"][0]["transaction_id"]) == (1, big)
    assert replayed(draft, "usr_operator", "operator")["items"] == seen["items"]
    assert app.ok(200, "GET", f"/wallets/{wallet}/policy", user=owner)["version"] == 0
    assert small not in {one["transaction_id"] for one in seen["items"]}


def test_bad_drafts_and_strangers_are_refused(app: App, desk: Desk) -> None:
    owner = desk.person()
    path = f"/wallets/{desk.imported(owner, ether=1)}/policy/replay"
    for body in ({"days": 0}, {"days": 31}, {"limits": [{"asset": "gold"}]}, {"paused": "no"}):
        answer = app.call("POST", path, body, user=owner)
        assert (answer.status, answer.code) == (422, "VALIDATION_FAILED")
    assert app.call("POST", path, {}, user="usr_stranger").status == 404
    assert app.call("POST", "/wallets/wal_none/policy/replay", {}, user=owner).status == 404
