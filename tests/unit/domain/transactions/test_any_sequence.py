"""The whole state machine under random histories: transitions outside the table are refused, and I2 to I5 always hold.

A small chain is behind it: blocks with attempts, reorganisations that drop them, a finalized height. Every rule is
tried on every transaction in every state, so illegal calls are as frequent as legal ones.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from shared.domain.errors import Refusal
from shared.domain.transactions import acceptance, approvals, attempts, lanes, schedule
from shared.domain.transactions import outcome as outcome_rules
from shared.domain.transactions.acceptance import Intent
from shared.domain.transactions.evidence import Receipt
from shared.domain.transactions.fees import FeeCapReached, FeeCaps, Fees, replaces
from shared.domain.transactions.outcome import ForeignProof
from shared.domain.transactions.states import TERMINAL, TRANSITIONS
from shared.domain.transactions.transactions import Attempt, Transaction
from tests.support.proof import size

GWEI = 10**9
SENDER = "0x" + "a1" * 20
CAPS = FeeCaps(5_000 * GWEI, 1_000 * GWEI)
START = datetime(2026, 11, 23, 12, tzinfo=UTC)
COUNT = 4

which = st.integers(0, COUNT - 1)
pick = st.integers(0, 9)


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.lane = lanes.open_lane("local", SENDER, latest=0, pending=0, finalized=0, now=START)
        self.txs: list[Transaction] = []
        self.attempts: dict[str, list[Attempt]] = {}
        self.mined_in: dict[str, tuple[int, int]] = {}  # transaction id → (k, block number)
        self.block, self.fork, self.final = 0, 0, 0

    @initialize()
    def accept(self) -> None:
        intent = Intent("wal_1", "usr_1", "local", SENDER, "0x" + "b2" * 20, value=1)
        for number in range(COUNT):
            tenant = "settlement" if number == COUNT - 1 else "usr_1"
            transaction = acceptance.accept(
                intent,
                f"txn_{number}",
                tenant,
                f"k{number}",
                self.now,
                committed_value=1,
                committed_gas=10**18,
                approval_until=self.now + approvals.WAIT if number == 0 else None,
            )
            self.txs.append(transaction)
            self.attempts[transaction.id] = []

    def change(self, number: int, new: Transaction) -> None:
        """Check the invariants of every accepted change."""
        old = self.txs[number]
        if new is old:
            return
        assert new.version > old.version
        moves = {
            event_ for (state, event_), to in TRANSITIONS.items() if state == old.state and new.state in to
        }
        assert moves, f"{old.state} → {new.state} is not in the table"
        if old.nonce is not None:
            assert new.nonce == old.nonce  # I3: never changed, never returned
        if new.attempt_count:
            assert new.nonce is not None
        assert not old.finalized, "a finalized transaction changed"
        if new.state in TERMINAL and new.nonce is not None:  # I5
            assert new.mined_block_hash is not None or new.error == "FOREIGN_NONCE"
        self.txs[number] = new

    def latest(self, transaction: Transaction) -> Attempt | None:
        stored = self.attempts[transaction.id]
        return stored[-1] if stored else None

    def receipt(self, attempt: Attempt, number: int, success: bool = True) -> Receipt:
        return Receipt(attempt.hash, f"0xb{number}f{self.fork}", number, success, 21_000, GWEI, None, ())

    @rule(seconds=st.integers(1, 60))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(number=which, person=st.sampled_from(["usr_1", "settlement", "usr_2"]))
    def approve(self, number: int, person: str) -> None:
        transaction = self.txs[number]
        try:
            self.change(number, approvals.approve(transaction, person, self.now))
        except Refusal:
            assert person != "usr_2" or transaction.state != "held"
            return
        assert person == "usr_2" or (person == "settlement" and transaction.tenant == "usr_1")
        assert approvals.is_approved(self.txs[number], 1, self.txs[number].committed_gas)

    @rule(first=which, limit=st.integers(1, 3))
    def allocate(self, first: int, limit: int) -> None:
        try:
            lane, given = lanes.allocate(self.lane, self.txs[first : first + 2], limit, self.now)
        except Refusal:
            return
        self.lane = lane
        for new in given:
            self.change(int(new.id[-1]), new)

    @rule(number=which, base=st.integers(1, 50), stale=st.integers(0, 1))
    def attempt(self, number: int, base: int, stale: int) -> None:
        transaction, latest = self.txs[number], self.latest(self.txs[number])
        market = Fees(base * GWEI, GWEI)
        try:
            planned = attempts.plan(transaction, latest, market, CAPS, noop_gas=21_000)
            new, attempt = attempts.persist(
                transaction,
                planned,
                latest,
                self.now,
                raw=b"raw",
                tx_hash=f"0x{transaction.id}{transaction.attempt_count + 1}",
                expected_attempts=transaction.attempt_count - stale,
            )
        except Refusal as refusal:
            assert (
                stale
                or isinstance(refusal, FeeCapReached)
                or not (transaction.live or transaction.state == "nonced")
            )
            return
        assert not stale
        assert latest is None or replaces(latest.fees, attempt.fees)  # I4
        assert latest is None or latest.kind == "payload" or attempt.kind == "noop"
        self.change(number, new)
        self.attempts[transaction.id].append(attempt)

    @rule(number=which, k=pick, outcome=st.sampled_from(sorted(attempts.STEPS)))
    def record(self, number: int, k: int, outcome: attempts.SendOutcome) -> None:
        transaction = self.txs[number]
        stored = self.attempts[transaction.id]
        if not stored:
            return
        at = k % len(stored)
        new, attempt, step = attempts.record_send(transaction, stored[at], outcome, self.now, 1.0)
        assert step == "wait" or (transaction.live and at == len(stored) - 1)
        stored[at] = attempt
        self.change(number, new)

    @rule(number=which, to=st.sampled_from(["cancelled", "rejected", "expired"]))
    def undo(self, number: int, to: str) -> None:
        try:
            self.change(number, attempts.undo(self.txs[number], to, self.now))  # type: ignore[arg-type]
        except Refusal:
            assert self.txs[number].state == "mined" or self.txs[number].terminal

    @rule(number=which, k=pick, success=st.booleans())
    def mine(self, number: int, k: int, success: bool) -> None:
        transaction = self.txs[number]
        stored = self.attempts[transaction.id]
        if not stored or transaction.id in self.mined_in:
            return
        attempt = stored[k % len(stored)]
        if attempt.send_count == 0:
            return  # I1: nobody has the bytes
        self.block += 1
        self.mined_in[transaction.id] = (attempt.k, self.block)
        try:
            seen = outcome_rules.mined(
                transaction, attempt, self.receipt(attempt, self.block, success), self.now, 1.0
            )
        except Refusal:
            assert transaction.terminal
            return
        self.change(number, seen)

    @rule(number=which, success=st.booleans(), wrong=st.booleans())
    def conclude(self, number: int, success: bool, wrong: bool) -> None:
        transaction = self.txs[number]
        stored = self.attempts[transaction.id]
        if not stored:
            return
        k, height = self.mined_in.get(transaction.id, (1, 1))
        attempt = stored[k - 1]
        receipt = self.receipt(attempt, height, success)
        if wrong:
            receipt = replace(receipt, block_hash="0xother")
        try:
            done = outcome_rules.conclude(transaction, attempt, receipt, self.now, 1.0)
        except Refusal:
            assert wrong or transaction.state != "mined"
            return
        assert not wrong
        assert transaction.id in self.mined_in
        assert (done.state == "confirmed") <= (attempt.kind == "payload")
        assert (done.state in ("cancelled", "rejected", "expired")) == (attempt.kind == "noop")
        self.change(number, done)

    @rule(number=which)
    def reorg(self, number: int) -> None:
        transaction = self.txs[number]
        latest = self.latest(transaction)
        if latest is None or transaction.id not in self.mined_in or transaction.finalized:
            return
        if self.mined_in[transaction.id][1] <= self.final:
            return
        try:
            back = outcome_rules.reorged(transaction, latest, self.now)
        except Refusal:
            assert transaction.mined_block_hash is None
            return
        del self.mined_in[transaction.id]
        self.change(number, back)
        assert back.state == "submitted"
        assert back.next_action_at == self.now

    @rule(number=which, ahead=st.integers(0, 3))
    def finalize(self, number: int, ahead: int) -> None:
        self.final = max(self.final, self.block - ahead)
        try:
            self.change(number, outcome_rules.finalize(self.txs[number], self.final, self.now))
        except Refusal:
            transaction = self.txs[number]
            height = transaction.mined_block_number
            assert not transaction.terminal or height is None or height > self.final

    @rule(number=which, our_own=st.booleans(), final=st.booleans(), blocked=st.booleans())
    def foreign(self, number: int, our_own: bool, final: bool, blocked: bool) -> None:
        transaction, stored = self.txs[number], self.attempts[self.txs[number].id]
        if transaction.id in self.mined_in or transaction.nonce is None or not stored:
            return
        tx_hash = stored[0].hash if our_own else "0xforeign"
        proof = ForeignProof(SENDER, transaction.nonce, tx_hash, 5, 5 if final else 4)
        held = (
            attempts.block(transaction, "FOREIGN_NONCE", self.now, 1.0)
            if blocked and transaction.live
            else transaction
        )
        try:
            gone = outcome_rules.concede(held, stored, proof, self.now)
        except Refusal:
            assert our_own or not final or held.blocked_reason != "FOREIGN_NONCE"
            return
        assert final and not our_own and held.blocked_reason == "FOREIGN_NONCE"
        self.change(number, gone)

    @invariant()
    def what_waits_for_approval_has_no_nonce(self) -> None:
        for transaction in self.txs:
            if transaction.approval_until is not None and not approvals.is_approved(
                transaction, 1, transaction.committed_gas
            ):
                assert transaction.nonce is None

    @invariant()
    def one_transaction_per_nonce_without_holes(self) -> None:
        nonces = sorted(transaction.nonce for transaction in self.txs if transaction.nonce is not None)
        assert nonces == list(range(self.lane.next_nonce))  # I2

    @invariant()
    def something_is_always_due_until_it_is_final(self) -> None:
        for transaction in self.txs:
            assert (transaction.next_action_at is None) == transaction.finalized
            due = schedule.next_action_at(transaction, self.now, 1.0, sends=3)
            assert (due is None) == transaction.finalized
            queued = transaction.state in ("held", "accepted")
            longest = schedule.QUEUED_WAIT if queued else timedelta(seconds=360)
            assert due is None or due - self.now <= longest

    @invariant()
    def attempts_are_numbered_and_the_latest_is_named(self) -> None:
        for transaction in self.txs:
            stored = self.attempts[transaction.id]
            assert [attempt.k for attempt in stored] == list(range(1, transaction.attempt_count + 1))
            if transaction.live:
                assert transaction.hash == stored[-1].hash


Machine.TestCase.settings = settings(max_examples=size("SEQUENCES", 60), stateful_step_count=60)
TestMachine = Machine.TestCase
