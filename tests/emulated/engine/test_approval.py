"""Approval by a second person: what waits, who may decide, what ends it, and what the signer requires."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from shared import resources
from shared.domain.transactions import approvals
from shared.domain.wallets.wallets import Wallet
from shared.identity.passwords import Passwords
from shared.ops import appoint_admin
from shared.store.port import Write
from shared.store.tables.policies import SPENDING
from shared.store.tables.supplies import FUNDS
from shared.store.tables.transactions import LANES
from tests.emulated.engine import contracts
from tests.emulated.engine.world import ETHER, World
from tests.support.clock import TestClock
from tests.support.people import People, Person

TARGET = "0x000000000000000000000000000000000000dEaD"
PART = ETHER // 10  # gas counts, and is much less
ABOVE = str(5 * PART + PART // 10)
SMALL, LARGE = 5 * PART, 6 * PART


@pytest.fixture
def people(world: World) -> Iterator[People]:
    with resources.override(passwords=Passwords(passes=1, memory_kib=64)):
        yield People(world.app)


@pytest.fixture
def owner(people: People) -> Person:
    return people.register()


@pytest.fixture
def friend(people: People) -> Person:
    return people.register()


@pytest.fixture
def wallet(world: World, owner: Person, friend: Person) -> Wallet:
    """A wallet that may pay up to half a coin alone and two per day."""
    made = world.wallet(user=owner.id)
    policy(owner, made, approvers=[friend.id])
    return made


def policy(owner: Person, wallet: Wallet, **rules: Any) -> None:
    limits = [{"asset": "native", "max_per_day": str(20 * PART)}]
    owner.ok(200, "PUT", f"/wallets/{wallet.id}/policy", {"limits": limits, "approval_above": ABOVE} | rules)


def send(owner: Person, wallet: Wallet, value: int = LARGE, **more: Any) -> Any:
    body = {"wallet_id": wallet.id, "to": TARGET, "value": str(value)} | more
    return owner.ok(202, "POST", "/transactions", body)


def acting_for(admin: Person, user: Person) -> str:
    """A token like from `POST /admin/act`."""
    now = resources.clock().now()
    return (
        resources.tokens()
        .issue(
            admin.id,
            ("admin", "operator", "user"),
            "service",
            session_id="ses_acting",
            authenticated_at=now,
            factors=("pwd", "otp"),
            now=now,
            acting_for=user.id,
        )
        .token
    )


def path(sent: Any) -> str:
    return f"/transactions/{sent['id']}/approve"


def hint(world: World) -> None:
    event = [one for _, one in world.published.sent if one["type"] == "transaction.approved"][-1]
    assert world.app.push("dispatch_lane", event).status == 204


def test_what_exceeds_the_threshold_waits_for_a_second_person(
    world: World, owner: Person, friend: Person, wallet: Wallet
) -> None:
    sent = send(owner, wallet)
    assert (sent["status"], sent["blocked_reason"]) == ("queued", "APPROVAL_REQUIRED")
    assert sent["approval_until"] and sent["approved_by"] is None
    small = send(owner, wallet, SMALL)
    world.hints()
    assert owner.ok(200, "GET", f"/transactions/{small['id']}")["status"] == "submitted", (
        "nobody waits for it"
    )
    assert owner.ok(200, "GET", f"/transactions/{sent['id']}")["nonce"] is None
    assert friend.ok(200, "GET", "/events")["items"] == [], "nobody writes into the feed of whom they name"
    (waiting,) = friend.ok(200, "GET", "/approvals")["items"]
    assert (waiting["transaction_id"], waiting["value"]) == (sent["id"], str(LARGE))
    assert owner.ok(200, "GET", "/approvals")["items"] == []
    assert friend.ok(200, "GET", f"/transactions/{sent['id']}")["to"] == TARGET
    approved = friend.ok(200, "POST", path(sent))
    assert (approved["status"], approved["blocked_reason"]) == ("queued", None)
    assert approved["approved_by"] == friend.id
    assert friend.ok(200, "GET", "/approvals")["items"] == []
    assert friend.ok(200, "POST", path(sent))["version"] == approved["version"], "again: the same"
    hint(world)
    world.settle()
    assert owner.ok(200, "GET", f"/transactions/{sent['id']}")["status"] == "confirmed"
    assert world.balance(TARGET) == SMALL + LARGE
    audit = f"/audit?resource={sent['id']}&action=approve_transaction"
    (row,) = world.app.ok(200, "GET", audit, user="usr_op", roles=("operator",))["items"]
    assert (row["actor"], row["events"]) == (friend.id, ["transaction.approved"])


def test_neither_owner_nor_strangers_nor_keys_approve(
    people: People, owner: Person, friend: Person, wallet: Wallet
) -> None:
    sent = send(owner, wallet)
    stranger = people.register()
    stranger.refused("NOT_FOUND", "POST", path(sent))
    stranger.refused("NOT_FOUND", "GET", f"/transactions/{sent['id']}")
    owner.refused("OWN_TRANSACTION", "POST", path(sent))
    policy(owner, wallet, approvers=[owner.id, friend.id])
    owner.refused("OWN_TRANSACTION", "POST", path(sent))
    operator = owner.app.call("POST", path(sent), user="usr_op", roles=("operator",))
    assert (operator.status, operator.body["error"]["data"]) == (403, {"permission": "admin:approve"})
    key = friend.ok(201, "POST", "/auth/api-keys", {"name": "k", "scopes": ["transaction:read"]})["api_key"]
    assert owner.app.call("POST", path(sent), headers={"x-api-key": key}).status == 403
    assert owner.ok(200, "GET", f"/transactions/{sent['id']}")["approved_by"] is None


def test_what_would_fail_by_now_is_not_approved_and_waits_on(
    world: World, people: People, owner: Person, friend: Person, wallet: Wallet
) -> None:
    token = contracts.token(world)
    transfer = {"to": TARGET, "value": "0", "token": {"address": token, "amount": str(LARGE)}}
    sent = send(owner, wallet, **transfer)
    code = world.control("eth_getCode", token, "latest")
    funds = world.rows(FUNDS)
    world.control("anvil_setCode", token, "0x5f80fd")  # meanwhile its transfers revert
    refused = friend.refused("SIMULATION_FAILED", "POST", path(sent))
    assert (refused.status, refused.body["error"]["data"]["revert"]["kind"]) == (422, "empty")
    people.register().refused("NOT_FOUND", "POST", path(sent))
    held = world.row(sent["id"])
    assert (held.state, held.version, held.nonce) == ("held", sent["version"], None)
    assert world.rows(FUNDS) == funds and not world.rows(LANES)
    native = send(owner, wallet)
    world.control("anvil_setBalance", wallet.address, "0x5")
    world.mine(2)
    friend.refused("INSUFFICIENT_BALANCE", "POST", path(native))
    world.control("anvil_setBalance", wallet.address, hex(10**19))
    world.control("anvil_setCode", token, code)
    world.mine(2)
    for one in (sent, native):
        assert friend.ok(200, "POST", path(one))["approved_by"] == friend.id
    world.settle()
    assert {world.row(one["id"]).state for one in (sent, native)} == {"confirmed"}


def test_an_administrator_approves_but_not_what_they_sent(
    people: People, owner: Person, friend: Person, wallet: Wallet
) -> None:
    appoint_admin.appoint(friend.email)
    people.sign_in(friend)
    policy(owner, wallet)
    own = friend.token
    friend.token = acting_for(friend, owner)
    mine = send(friend, wallet)
    friend.token = own
    friend.refused("OWN_TRANSACTION", "POST", path(mine))
    assert friend.ok(200, "POST", path(send(owner, wallet)))["approved_by"] == friend.id


def test_only_who_has_just_signed_in_and_still_may(
    people: People, owner: Person, friend: Person, wallet: Wallet
) -> None:
    admin = people.register()
    appoint_admin.appoint(admin.email)
    with resources.override(clock=TestClock()):
        clock = resources.clock()
        assert isinstance(clock, TestClock)
        people.sign_in(friend)
        sent = send(owner, wallet)
        clock.advance(timedelta(minutes=6))
        friend.refused("STEP_UP_REQUIRED", "POST", path(sent))
        people.sign_in(friend)
        people.sign_in(admin)
        admin.ok(200, "PUT", f"/admin/users/{owner.id}", {"disabled": True})
        friend.refused("FORBIDDEN", "POST", path(sent))
        admin.ok(200, "PUT", f"/admin/users/{owner.id}", {"disabled": False})
        admin.ok(200, "PUT", f"/admin/users/{friend.id}", {"disabled": True})
        assert friend.call("POST", path(sent)).status in (401, 404)


def test_the_second_factor_is_asked_where_there_is_one(owner: Person, friend: Person, wallet: Wallet) -> None:
    from tests.support.authenticator import Authenticator

    sent = send(owner, wallet)
    with resources.override(clock=TestClock(resources.clock().now())):
        clock = resources.clock()
        assert isinstance(clock, TestClock)
        without = friend.token
        Authenticator(friend, clock).prove()
        proved, friend.token = friend.token, without
        friend.refused("STEP_UP_REQUIRED", "POST", path(sent))
        friend.token = proved
        friend.ok(200, "POST", path(sent))


def test_declined_and_cancelled_ones_give_everything_back(
    world: World, owner: Person, friend: Person, wallet: Wallet
) -> None:
    declined, cancelled = send(owner, wallet), send(owner, wallet)
    assert world.rows(FUNDS)[0].in_flight > 0
    body = {"decision": "decline", "reason": "Who is this?"}
    ended = friend.ok(200, "POST", path(declined), body)
    assert (ended["status"], ended["blocked_reason"]) == ("rejected", None)
    assert ended["error"] == {"code": "APPROVAL_DECLINED", "message": "Who is this?"}
    stopped = owner.ok(200, "POST", f"/transactions/{cancelled['id']}/cancel")
    assert (stopped["status"], stopped["finalized"]) == ("cancelled", True)
    for one in (declined, cancelled):
        friend.refused("INVALID_STATE", "POST", path(one))
        friend.refused("INVALID_STATE", "POST", path(one), body)
    assert world.rows(FUNDS)[0].in_flight == 0
    # These were booked within a minute of the limit. It is uncertain what the booking was, so the day keeps
    # it (see `Policy.booked`).
    assert sum(row.amount for row in world.rows(SPENDING)) > 2 * LARGE
    published = [kind for kind in world.published.types if not kind.startswith("account.")]
    assert published == ["transaction.accepted"] * 2 + [
        "transaction.rejected",
        "transaction.cancelled",
    ]


def test_two_of_three_approve_and_one_declines(
    world: World, people: People, owner: Person, friend: Person
) -> None:
    second, third = people.register(), people.register()
    wallet = world.wallet(user=owner.id)
    policy(owner, wallet, approvers=[friend.id, second.id, third.id], approvals_required=2)
    sent, other = send(owner, wallet), send(owner, wallet)
    assert [len(one.ok(200, "GET", "/approvals")["items"]) for one in (friend, second, third)] == [2, 2, 2]
    for _ in range(2):
        half = friend.ok(200, "POST", path(sent))
        assert (half["status"], half["blocked_reason"], half["approved_by"]) == (
            "queued",
            "APPROVAL_REQUIRED",
            None,
        )
        assert half["approvals"] == [friend.id]
    world.hints()
    assert world.row(sent["id"]).state == "held", "one is not enough"
    done = third.ok(200, "POST", path(sent))
    assert (done["blocked_reason"], done["approvals"]) == (None, [friend.id, third.id])
    second.refused("INVALID_STATE", "POST", path(sent))
    friend.ok(200, "POST", path(other))
    route = f"/transactions/{other['id']}/decline"
    people.register().refused("NOT_FOUND", "POST", route, {"reason": "me?"})
    owner.refused("OWN_TRANSACTION", "POST", route, {"reason": "mine"})
    ended = second.ok(200, "POST", route, {"reason": "Who is this?"})
    assert ended["error"] == {"code": "APPROVAL_DECLINED", "message": "Who is this?"}
    assert [one.ok(200, "GET", "/approvals")["items"] for one in (friend, second, third)] == [[], [], []]
    hint(world)
    world.settle()
    assert world.row(sent["id"]).state == "confirmed" and world.balance(TARGET) == LARGE


def test_it_waits_a_day_or_until_its_deadline(
    world: World, owner: Person, friend: Person, wallet: Wallet, people: People
) -> None:
    clock = TestClock()
    with resources.override(clock=clock):
        people.sign_in(owner)
        early = send(owner, wallet, deadline=(clock.now() + timedelta(hours=1)).isoformat())
        late = send(owner, wallet)
        for sent, moment in ((early, timedelta(hours=1)), (late, approvals.WAIT - timedelta(hours=1))):
            clock.advance(moment - timedelta(seconds=1))
            world.tick()
            assert world.row(sent["id"]).state == "held"
            clock.advance(timedelta(seconds=1))
            people.sign_in(friend)
            friend.refused("INVALID_STATE", "POST", path(sent))
            world.tick()
            ended = world.row(sent["id"])
            assert (ended.state, ended.error, ended.finalized) == ("expired", "APPROVAL_EXPIRED", True)


@pytest.mark.parametrize("rival", ["approve", "cancel", "decline"])
def test_of_two_decisions_at_once_one_counts(
    world: World, people: People, owner: Person, friend: Person, rival: str
) -> None:
    wallet, other = world.wallet(user=owner.id), people.register()
    policy(owner, wallet, approvers=[friend.id, other.id], limits=[])
    for _ in range(3):
        sent = send(owner, wallet)
        calls = {
            "approve": lambda sent=sent: other.call("POST", path(sent)),
            "decline": lambda sent=sent: other.call("POST", path(sent), {"decision": "decline"}),
            "cancel": lambda sent=sent: owner.call("POST", f"/transactions/{sent['id']}/cancel"),
        }
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(friend.call, "POST", path(sent))
            second = pool.submit(calls[rival])
            answers = [first.result(), second.result()]
        row = world.row(sent["id"])
        statuses = [answer.status for answer in answers]
        if rival == "cancel":  # a cancel may come after an approval, never an approval after a cancel
            assert statuses in ([200, 200], [409, 200]) and row.state == "cancelled"
        else:
            assert sorted(statuses) == [200, 409]
            winner = friend.id if statuses[0] == 200 else (other.id if rival == "approve" else None)
            assert row.approved_by == winner
            owner.call("POST", f"/transactions/{sent['id']}/cancel")


@pytest.mark.parametrize(
    "forged",
    [
        {"value": str(7 * PART)},
        {"to": "0x" + "11" * 20},
        {"approved_by": None},
        {"approved_digest": "00"},
        {"approved_fee": "1"},
        "owner",
    ],
)
def test_the_signer_takes_an_approval_for_the_approved_payload_only(
    world: World, owner: Person, friend: Person, wallet: Wallet, forged: Any
) -> None:
    sent = send(owner, wallet)
    friend.ok(200, "POST", path(sent))
    changed = {"approved_by": owner.id, "approvals": f'["{owner.id}"]'} if forged == "owner" else forged
    columns = ("transaction_id", *changed)
    resources.database().write([Write("update", "transactions", columns, (sent["id"], *changed.values()))])
    hint(world)
    row = world.row(sent["id"])
    assert (row.state, row.error, row.nonce) == ("rejected", "POLICY_DENIED", None)
    assert not world.rows(LANES)
    # Restore the original booking for the invariants at the end.
    assert row.attempt_count == 0


def test_a_threshold_that_comes_later_counts_for_what_is_not_signed(
    world: World, owner: Person, people: People, friend: Person
) -> None:
    wallet = world.wallet(user=owner.id)
    sent = owner.ok(202, "POST", "/transactions", {"wallet_id": wallet.id, "to": TARGET, "value": str(LARGE)})
    policy(owner, wallet, approvers=[friend.id])
    world.hints()
    assert world.row(sent["id"]).state == "rejected"


def test_what_is_approved_is_held_to_the_policy_of_that_moment(
    owner: Person, friend: Person, wallet: Wallet
) -> None:
    sent = send(owner, wallet)
    policy(owner, wallet, approvers=[friend.id], paused=True)
    denied = friend.refused("POLICY_DENIED", "POST", path(sent))
    assert denied.body["error"]["data"]["rule"] == "paused"
    friend.ok(200, "POST", path(sent), {"decision": "decline"})


def test_a_policy_with_a_threshold_changes_only_after_a_recent_sign_in(
    people: People, owner: Person, friend: Person, wallet: Wallet
) -> None:
    with resources.override(clock=TestClock()):
        clock = resources.clock()
        assert isinstance(clock, TestClock)
        people.sign_in(owner)
        clock.advance(timedelta(minutes=6))
        route = f"/wallets/{wallet.id}/policy"
        owner.refused("STEP_UP_REQUIRED", "PUT", route, {})
        owner.refused("STEP_UP_REQUIRED", "PUT", route, {"approval_above": ABOVE, "approvers": []})
        people.sign_in(owner)
        owner.ok(200, "PUT", route, {})
