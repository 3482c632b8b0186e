"""Random histories of several wallets on one chain: policies, approvals, a treasury, and rivals at every commit."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import ModuleType
from typing import Any

from schemas.transactions import ApproveTransaction
from shared import resources
from shared.chain.errors import ChainError
from shared.domain.errors import Refusal
from shared.domain.permissions import Caller
from shared.domain.transactions.fees import FeeKind
from shared.domain.transactions.transactions import Transaction
from shared.domain.wallets import policies
from shared.domain.wallets.wallets import Wallet
from shared.engine import broadcast, cancellation, confirmation, dispatch, low_balances, nonce_sync
from shared.engine import replacement as replacing
from shared.engine.process_hints import hints
from shared.runtime.context import current
from shared.store.port import StoreError
from shared.store.session import Session
from shared.store.tables.policies import POLICIES, SPENDING
from shared.store.tables.supplies import FUNDS
from shared.store.tables.transactions import ATTEMPTS
from shared.wallets import approval
from shared.writes import commit as commits
from tests.unit.engine.chain_model import GWEI, Sent
from tests.unit.engine.histories import History
from tests.unit.engine.simulation import START

APPROVED_ABOVE = 1_003  # values begin with 1000, and gas counts: all of them need a second person
LOW, FULL = 10**18, 10**19
COMPETED: tuple[ModuleType, ...] = (
    dispatch,
    replacing,
    confirmation,
    broadcast,
    nonce_sync,
    cancellation,
    low_balances,
)


class WalletsHistory(History):
    """Some wallets, perhaps two with the same key; the last one is the treasury."""

    owners: list[Wallet]

    def __post_init__(self) -> None:
        super().__post_init__()
        self.transfers, self.length = max(self.transfers, 14), 110
        kind: FeeKind = self.rng.choice(["eip1559", "eip1559", "legacy"])
        tagged = self.rng.random() < 0.5
        self.client.spec = replace(self.client.spec, fee_kind=kind, has_finalized=tagged)
        most = 3 if kind == "legacy" else 5  # the commitment for gas at 1 is sufficient
        self.last_fee = self.rng.choice([1, most]) * GWEI

    def wallet(self) -> Wallet:
        keys = [self.rng.randbytes(32) for _ in range(self.rng.randint(1, 3))]
        if self.rng.random() < 0.3:
            keys.append(keys[0])  # another user imported it, too
        keys.append(self.rng.randbytes(32))
        names = [*(str(number) for number in range(len(keys) - 1)), "treasury"]
        self.owners = [self.stored_wallet(name, key) for name, key in zip(names, keys, strict=True)]
        self.keys = {wallet.id: key for wallet, key in zip(self.owners, keys, strict=True)}
        self.treasury = self.owners[-1]
        self.bound(self.treasury, [wallet.address for wallet in self.owners], None)
        if self.rng.random() < 0.6:
            self.bound(self.owners[0], None, APPROVED_ABOVE)
        self.node.faults.revert = self.rng.choice([0.0, 0.1])
        if len(self.client.pool.endpoints) > 1:
            self.mirror.faults.ahead = self.rng.choice([0.0, 0.2])
        self.choose()
        return self.owner

    def bound(self, wallet: Wallet, recipients: list[str] | None, above: int | None) -> None:
        since = (START - timedelta(days=1)).isoformat()
        limits: dict[str, dict[str, str | None]] = {
            "native": {"max_per_transaction": None, "max_per_day": str(10**21), "day_since": since}
        }
        policy = replace(
            policies.empty(wallet.id, wallet.user_id, START), version=1, limits=limits,
            allowed_recipients=recipients, approval_above=above, approvers=["usr_second"],
        )  # fmt: skip
        self.database.write([POLICIES.write("insert", policy)])

    def choose(self) -> None:
        self.owner = self.rng.choice(self.owners)
        self.key = self.keys[self.owner.id]

    # — the steps

    def steps(self) -> list[tuple[Callable[[], None], int]]:
        return [
            *super().steps(),
            (self.approve, 14),
            (self.decline, 1),
            (self.next_day, 1),
            (hints().balance_checks.clear, 2),
            (self.outage, 2),
        ]

    def attempt(self, step: Callable[[], None]) -> None:
        self.choose()
        super().attempt(step)

    def stage(self, patch: Any) -> None:
        """Skip the question who approves; at each commit of the engine somebody else may be faster."""
        patch.setattr(
            approval, "policy_for", lambda unit, caller, row: unit.maybe(POLICIES.find(row.wallet_id))
        )
        rule = {"wallet_id": "wal_treasury", "below": str(LOW), "up_to": str(FULL)}
        settings = replace(resources.settings(), top_ups=json.dumps({"local": rule}))
        patch.setattr(resources, "settings", lambda: settings)
        for module in COMPETED:
            patch.setattr(module, "commit", self._overtaken(module.commit))

    def _overtaken(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def commit(body: Any, *args: Any, **more: Any) -> Any:
            if self.armed and self.rng.random() < 0.04:
                self.armed = False
                rivals = (
                    self.tick,
                    self.hint,
                    self.cancel,
                    self.hasten,
                    self.approve,
                    self.decline,
                    self.mine,
                )
                with contextlib.suppress(ChainError, StoreError, Refusal):
                    self.rng.choice(rivals)()
                self.armed = True
            return real(body, *args, **more)

        return commit

    def approve(self) -> None:
        self.decide("approve")

    def decline(self) -> None:
        self.decide("decline")

    def decide(self, decision: str) -> None:
        from functions.transactions.approve_transaction import _decide as decide

        if self.accepted:
            request = ApproveTransaction(
                transaction_id=self.rng.choice(sorted(self.accepted)),
                decision=decision,  # type: ignore[arg-type]
            )
            before, current().caller = current().caller, Caller.of_user("usr_second", ["user"], "user")
            try:
                commits.commit(decide, request, Caller.of_user("usr_second", ["user"], "user"))
            finally:
                current().caller = before

    def next_day(self) -> None:
        self.clock.moment += timedelta(hours=25)

    def outage(self) -> None:
        """One endpoint of the chain goes down, or works again."""
        self.mirror.faults.error = (
            1.0 - self.mirror.faults.error if self.mirror.faults.error in (0.0, 1.0) else 1.0
        )

    def top_up(self) -> None:
        for wallet in self.owners:
            self.node.given[wallet.address.lower()] = 10**20

    # — the end

    def peace(self) -> None:
        """Everything that still waits for a second person expires."""
        self.clock.moment += timedelta(hours=25)
        self.mirror.faults.ahead = 0.0
        super().peace()

    def judge(self) -> None:
        where = f"seed {self.seed}"
        self.judge_hanging()
        session = Session(self.database.snapshot())
        attempts = {attempt.hash: attempt for attempt in session.many(ATTEMPTS.scan())}
        failed = {one for block in self.node.blocks for one in block.failed}
        mined: dict[str, list[Sent]] = {wallet.address.lower(): [] for wallet in self.owners}
        for one in self.node.canonical():
            mined[one.sender].append(one)
        paid: Counter[str] = Counter()
        for sender, sent in mined.items():
            assert [one.nonce for one in sent] == list(range(len(sent))), f"{where}: nonces of {sender}"
            for one in sent:
                assert one.hash in attempts or one.value == 7, f"{where}: sent but not stored"
                if one.hash in attempts and attempts[one.hash].kind == "payload":
                    paid[attempts[one.hash].transaction_id] += 1
        values = Counter(one.value for sent in mined.values() for one in sent if 1_000 <= one.value < 10_000)
        assert all(count == 1 for count in values.values()), f"{where}: {values}"
        rows = [row for row in self.rows() if row.kind == "call"]
        for row in rows:
            outcome = "reverted" if row.hash in failed else "confirmed"
            assert paid[row.id] == (row.state == outcome), f"{where}: {row.id} {row.state}, {paid[row.id]}"
            assert not self.wanted_approval(row) or row.approved_by, f"{where}: {row.id} was not approved"
        self.judge_books(where, rows)

    def met(self) -> Counter[str]:
        """The states of its transactions, and the lies that it met."""
        found = Counter(self.node.told)
        for row in self.rows():
            found[row.state] += 1
            found[row.error or ""] += 1
            found["approved"] += row.approved_by is not None
            found["topped up"] += row.tenant == "treasury" and row.state == "confirmed"
            found["filled"] += row.kind == "noop"
        return found

    def wanted_approval(self, row: Transaction) -> bool:
        return row.state == "confirmed" and row.approval_until is not None

    def judge_books(self, where: str, rows: list[Transaction]) -> None:
        """Check that nothing is promised any more, and that the day's bookings equal the payments, including gas."""
        self.judge_funds(where)
        session = Session(self.database.snapshot())
        booked: Counter[str] = Counter()
        for bucket in session.many(SPENDING.scan()):
            booked[bucket.wallet_id] += bucket.amount
        limited = {policy.id for policy in session.many(POLICIES.scan())}
        spent: Counter[str] = Counter()
        for row in rows:
            if row.wallet_id in limited and row.kind == "call":
                fee = (row.gas_used or 0) * (row.effective_gas_price or 0)
                spent[row.wallet_id] += fee + (row.value if row.state == "confirmed" else 0)
        assert +booked == +spent, f"{where}: booked {booked}, spent {spent}"
        keys = [row.idem_key for row in rows if row.tenant == "treasury"]
        assert len(keys) == len(set(keys)), f"{where}: {keys}"

    def judge_funds(self, where: str) -> None:
        for row in Session(self.database.snapshot()).many(FUNDS.scan()):
            assert row.committed == row.in_flight == 0, f"{where}: {row} when all is over"
