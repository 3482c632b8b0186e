"""Many requests at once on one wallet: they share commits, and funds, limits and keys hold for each request."""

from __future__ import annotations

import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from eth_account import Account

from shared.domain.wallets.wallets import Wallet
from shared.store import event_rows
from shared.store.tables.supplies import FUNDS
from shared.store.tables.system import FEED
from shared.store.tables.transactions import TRANSACTIONS
from tests.emulated.engine.world import ETHER, World
from tests.support.inprocess import Answer

TOGETHER = 24


def at_once(world: World, wallet: Wallet, value: int, keys: list[str]) -> list[Answer]:
    """Send one request for each key, all at the same moment."""
    start, target = Barrier(len(keys)), Account.create().address
    body = {"wallet_id": wallet.id, "to": target, "value": str(value)}

    def one(key: str) -> Answer:
        start.wait()
        return world.app.call("POST", "/transactions", body, user=wallet.user_id, key=key)

    with ThreadPoolExecutor(len(keys)) as pool:
        return list(pool.map(one, keys))


def fresh(count: int) -> list[str]:
    return [str(uuid.uuid4()) for _ in range(count)]


def test_they_share_commits_and_each_is_sent_once(world: World) -> None:
    wallet = world.wallet()
    answers = at_once(world, wallet, 7, fresh(TOGETHER))
    assert [one.status for one in answers] == [202] * TOGETHER
    assert len({one.body["id"] for one in answers}) == TOGETHER
    told = [row for row in event_rows.feed_events(world.rows(FEED)) if row.type == "transaction.accepted"]
    assert len(told) == TOGETHER
    commits = Counter(row.committed_at for row in told)
    assert len(commits) < TOGETHER
    assert all(
        sorted(row.ord for row in told if row.committed_at == moment) == list(range(count))
        for moment, count in commits.items()
    )
    world.hints()
    world.settle(20)
    rows = world.rows(TRANSACTIONS)
    assert sorted(row.nonce for row in rows) == list(range(TOGETHER))
    assert world.balance(answers[0].body["to"]) == 7 * TOGETHER


def test_they_never_commit_more_than_there_is(world: World) -> None:
    wallet = world.wallet(10 * ETHER)
    answers = at_once(world, wallet, 3 * ETHER, fresh(TOGETHER))
    assert Counter((one.status, one.code) for one in answers) == {
        (202, None): 3,
        (422, "INSUFFICIENT_BALANCE"): TOGETHER - 3,
    }
    (funds,) = world.rows(FUNDS)
    assert sum(row.committed_value for row in world.rows(TRANSACTIONS)) == 9 * ETHER
    assert 9 * ETHER < funds.in_flight <= funds.balance


def test_a_daily_limit_holds_for_all_of_them(world: World) -> None:
    wallet = world.wallet()
    gas = world.row(world.send(world.wallet(), wallet.address)["id"]).committed_gas  # each one commits this
    limits = {"limits": [{"asset": "native", "max_per_day": str(6 * (gas + 3) + 2)}]}
    world.app.ok(200, "PUT", f"/wallets/{wallet.id}/policy", limits, user=wallet.user_id)
    answers = at_once(world, wallet, 3, fresh(TOGETHER))
    accepted = [one for one in answers if one.status == 202]
    assert len(accepted) == 6
    assert {one.code for one in answers if one.status != 202} == {"POLICY_DENIED"}


def test_one_key_at_once_is_one_transaction(world: World) -> None:
    wallet = world.wallet()
    answers = at_once(world, wallet, 5, ["the-same"] * TOGETHER)
    assert {one.status for one in answers} == {202}
    assert len({one.text for one in answers}) == 1
    assert len(world.rows(TRANSACTIONS)) == 1
