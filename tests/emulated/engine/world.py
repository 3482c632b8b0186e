"""Helpers for the engine's tests: a separate node, funded wallets, ticks, hints, and the invariants."""

from __future__ import annotations

import itertools
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from eth_account import Account

from shared import resources
from shared.chain.rpc import RpcClient
from shared.domain.permissions import Caller
from shared.domain.transactions.fees import replaces
from shared.domain.transactions.transactions import Attempt, Transaction
from shared.domain.wallets.wallets import Wallet
from shared.keys.raw_transactions import decode_signed
from shared.keys.vault import Binding
from shared.runtime.context import Context, deadline_in
from shared.store.session import Session
from shared.store.table import Table
from shared.store.tables.supplies import FUNDS
from shared.store.tables.transactions import ATTEMPTS, LANES, TRANSACTIONS
from shared.store.tables.wallets import VAULT_KEYS, WALLETS, VaultKey
from tests.support.clock import ShiftedClock
from tests.support.inprocess import App

ETHER = 10**18
GWEI = 10**9


def as_system(operation: str = "dispatch_lane", seconds: float = 60) -> Context:
    """A run of the product itself, with this many seconds."""
    return Context(operation, "req_test", deadline_in(seconds), caller=Caller.of_system())


@dataclass
class World:
    """The product in this process over a node that mines on demand."""

    app: App
    rpc: RpcClient
    published: Any
    clock: ShiftedClock | None = None
    delivered: int = 0
    wallets: list[Wallet] = field(default_factory=list)
    undone: bool = False  # a final block is gone: rows and chain differ for good

    def control(self, method: str, *params: Any) -> Any:
        return self.rpc.call(method, list(params))

    def mine(self, blocks: int = 1) -> None:
        """Mine blocks a second apart, by the clock and by the chain; on a node that mines by itself, mine one more
        block."""
        for _ in range(blocks):
            self.later(1)
            self.control("evm_mine")

    def later(self, seconds: int) -> None:
        """Advance time for the product, and for the next block."""
        if self.clock is not None:
            self.clock.advance(timedelta(seconds=seconds))
            self.control("evm_increaseTime", seconds)

    def head(self) -> int:
        return int(self.control("eth_blockNumber"), 16)

    def balance(self, address: str) -> int:
        return int(self.control("eth_getBalance", address, "latest"), 16)

    def count(self, address: str) -> int:
        return int(self.control("eth_getTransactionCount", address, "latest"), 16)

    def wallet(self, wei: int = 10 * ETHER, user: str | None = None, key: bytes | None = None) -> Wallet:
        """A user's wallet with a sealed key and, at the confirmed depth, a balance."""
        account = Account.from_key(key) if key else Account.create()
        now, user = datetime.now(UTC), user or f"usr_{uuid.uuid4().hex[:12]}"
        wallet = Wallet(
            id=f"wal_{uuid.uuid4().hex[:12]}", user_id=user, name="w", chain="local", type="imported",
            address=account.address, derivation_path=None, parent_id=None, index=None,
            key_id=f"key_{uuid.uuid4().hex[:12]}", status="active", disabled_at=None, version=1,
            created_at=now, updated_at=now,
        )  # fmt: skip
        sealed = resources.vault().seal(bytes(account.key), Binding(user, wallet.id, "private_key", 1))
        stored = VaultKey(wallet.key_id, "private_key", sealed.to_bytes(), sealed.master_key_id, 1, now, now)
        resources.database().write([WALLETS.write("insert", wallet), VAULT_KEYS.write("insert", stored)])
        self.control("anvil_setBalance", account.address, hex(wei))
        self.mine(2)
        self.wallets.append(wallet)
        return wallet

    def send(self, wallet: Wallet, to: str, value: int = 1, **more: Any) -> Any:
        body = {"wallet_id": wallet.id, "to": to, "value": str(value)} | more
        return self.app.ok(202, "POST", "/transactions", body, user=wallet.user_id)

    def get(self, wallet: Wallet, transaction_id: str) -> Any:
        return self.app.ok(200, "GET", f"/transactions/{transaction_id}", user=wallet.user_id)

    def tick(self) -> None:
        answer = self.app.schedule("tick_chain")
        assert answer.status == 204, answer.text

    def hints(self, *, again: bool = False) -> None:
        """Deliver the published `transaction.accepted` events: the new ones, or all of them again."""
        events = [envelope for _, envelope in self.published.sent]
        start, self.delivered = (0 if again else self.delivered), len(events)
        for envelope in events[start:]:
            if envelope["type"] == "transaction.accepted":
                answer = self.app.push("dispatch_lane", envelope)
                assert answer.status == 204, answer.text

    def forget(self) -> None:
        """Clear the memory, like a new process. The chain's client is created again."""
        resources.reset("EngineHints", "chain:local")

    def settle(self, rounds: int = 12) -> None:
        """Mine blocks and run ticks until nothing is unfinished."""
        for _ in range(rounds):
            self.tick()
            if all(one.finalized for one in self.rows(TRANSACTIONS)):
                return
            self.mine()
        unfinished = [(one.id, one.state, one.nonce) for one in self.rows(TRANSACTIONS) if not one.finalized]
        raise AssertionError(f"not finished: {unfinished}")

    def rows(self, table: Table[Any]) -> list[Any]:
        return Session(resources.database().snapshot()).many(table.scan())

    def row(self, transaction_id: str) -> Transaction:
        return Session(resources.database().snapshot()).one(TRANSACTIONS.get(transaction_id))

    def attempts(self, transaction_id: str) -> list[Attempt]:
        return Session(resources.database().snapshot()).many(ATTEMPTS.scan(transaction_id))

    def mined_of(self, address: str) -> list[dict[str, Any]]:
        """Every transaction of an address on the chain, in order."""
        return self.mined()[address.lower()]

    def mined(self) -> dict[str, list[dict[str, Any]]]:
        """Every transaction on the chain by its sender in lower case, in order."""
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        numbers = range(self.head() + 1)
        for block in self.rpc.batch([("eth_getBlockByNumber", [hex(number), True]) for number in numbers]):
            for one in block["transactions"]:
                found[one["from"].lower()].append(one)
        return found


def check(world: World) -> None:
    """Check I1–I7, as far as tables and chain show them."""
    rows: list[Transaction] = world.rows(TRANSACTIONS)
    attempts: list[Attempt] = world.rows(ATTEMPTS)
    of: dict[str, list[Attempt]] = {row.id: [] for row in rows}
    for one in attempts:
        of[one.transaction_id].append(one)  # a KeyError means a transaction without a row
    places = [(row.lane_id, row.nonce) for row in rows if row.nonce is not None]
    assert len(places) == len(set(places)), "I2: a nonce twice"
    asked = [(row.tenant, row.idem_key) for row in rows]
    assert len(asked) == len(set(asked)), "I2: a key twice"
    for row in rows:
        _check_row(world, row, of[row.id])
    hashes, mined = {one.hash for one in attempts}, world.mined()
    for lane in world.rows(LANES):
        taken = sorted(row.nonce for row in rows if row.lane_id == lane.id and row.nonce is not None)
        if taken:
            floor = taken[0]
            assert all(nonce < lane.next_nonce for nonce in taken)
            assert set(range(floor, lane.next_nonce)) - set(taken) <= set(range(lane.finalized_nonce)), (
                "a gap"
            )
        foreign = [one["hash"] for one in mined[lane.address.lower()] if one["hash"] not in hashes]
        assert not foreign, f"I1: on the chain, not in the store: {foreign}"
    _check_funds(world, rows)


def _check_row(world: World, row: Transaction, attempts: list[Attempt]) -> None:
    assert row.attempt_count == len(attempts) and [one.k for one in attempts] == list(
        range(1, len(attempts) + 1)
    )
    for attempt in attempts:
        decoded, _ = decode_signed(attempt.raw)
        assert decoded.nonce == row.nonce, "I3: bytes for another nonce"
    for before, after in itertools.pairwise(attempts):
        assert replaces(before.fees, after.fees), "I4: too cheap a replacement"
    assert (row.next_action_at is None) == row.finalized, "I6: nobody would look again"
    if row.terminal and row.nonce is not None and row.error != "FOREIGN_NONCE":
        receipt = world.control("eth_getTransactionReceipt", row.hash)
        assert receipt and receipt["blockHash"] == row.mined_block_hash, "I5: terminal without evidence"


def _check_funds(world: World, rows: list[Transaction]) -> None:
    drawn: dict[tuple[str, str], int] = {}
    for row in rows:
        if row.terminal:
            continue
        coin = row.committed_gas + (0 if row.token_address else row.committed_value)
        drawn[row.from_address, ""] = drawn.get((row.from_address, ""), 0) + coin
        if row.token_address:
            place = (row.from_address, row.token_address)
            drawn[place] = drawn.get(place, 0) + (row.token_amount or 0)
    for funds in world.rows(FUNDS):
        assert funds.in_flight == drawn.get((funds.address, funds.token_address), 0), "funds in flight"
