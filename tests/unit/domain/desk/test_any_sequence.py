"""Any sequence of operations on supplies, orders, claims and payments keeps the books, and a refused operation leaves
everything byte-identical. Operations are tried in any state: most sequences contain many refusals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shared.domain.errors import Refusal
from tests.support.proof import size
from tests.unit.domain.desk import operations as do
from tests.unit.domain.desk.model import CLAIMERS, OWNERS, RICH, Model, verify, written

picks = st.integers(0, 1000)
owners = st.sampled_from(OWNERS)
amounts = st.integers(1, 400)
lives = st.none() | st.integers(1, 240)
epochs = st.sampled_from([None, None, 1])


def having(kind: str) -> Any:
    """Run a rule only if the model has some of these."""
    return precondition(lambda self: getattr(self.model, kind))


class DeskMachine(RuleBasedStateMachine):
    """After an operation succeeds completely, `model` is replaced by the fork that it changed."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()

    def attempt(self, operation: Callable[..., None], *arguments: Any) -> None:
        """Run an operation on a fork. The fork shares the rows, so the test detects a change in place."""
        before = written(self.model)
        fork = self.model.fork()
        try:
            operation(fork, *arguments)
        except Refusal as refusal:
            event(f"{operation.__name__}: {refusal.code}")
            fork = self.model
        else:
            event(f"{operation.__name__}: done")
        assert written(self.model) == before
        self.model = fork

    def pick(self, kind: str, number: int) -> Any:
        rows = list(getattr(self.model, kind).values())
        return rows[-1 - number % len(rows)]

    @initialize(amount=amounts, cents=st.integers(20, 90), process=st.booleans())
    def open_desk(self, amount: int, cents: int, process: bool) -> None:
        for owner in OWNERS:
            self.attempt(do.create_supply, owner, amount, None, True)
            self.attempt(do.create_supply, owner, 30, None, True)
            self.deal(owner, [cents, amount % 90 + 1], None, process)

    @rule(
        owner=owners,
        cents=st.lists(st.integers(1, 90), min_size=1, max_size=2),
        life=lives,
        process=st.booleans(),
    )
    def deal(self, owner: str, cents: list[int], life: int | None, process: bool) -> None:
        """Claim an order and perhaps process it at once, so that payments are frequent."""
        self.attempt(do.place_order, owner, cents, life)
        if self.model.orders:
            self.claim(0, "usr_d", False, True)
        if self.model.claims and process:
            self.process(0, False)

    @having("claims")
    @rule(number=picks, outcomes=st.lists(st.sampled_from(["pay", "pay", "failed"]), min_size=1, max_size=8))
    def settle(self, number: int, outcomes: list[str]) -> None:
        """Give every payment of a claim's newest round a final outcome."""
        claim = self.pick("claims", number)
        for place, old in enumerate(self.model.of_claim(claim.id)):
            outcome = outcomes[place % len(outcomes)]
            if outcome == "pay":
                self.attempt(do.pay, old)
            else:
                self.attempt(do.fail, old, outcome)
            self.attempt(do.finalize, self.model.payments[old.allocation_id, old.round])

    @rule(minutes=st.sampled_from([1, 5, 14, 16, 50, 130]))
    def wait(self, minutes: int) -> None:
        self.model = self.model.fork()
        self.model.now += timedelta(minutes=minutes)
        self.model.block += minutes

    @rule(owner=owners, amount=amounts, life=lives, activate=st.booleans())
    def create(self, owner: str, amount: int, life: int | None, activate: bool) -> None:
        self.attempt(do.create_supply, owner, amount, life, activate)

    @rule(number=picks, rejects=st.booleans())
    def decide(self, number: int, rejects: bool) -> None:
        self.attempt(do.decide_supply, self.pick("supplies", number), rejects)

    @rule(
        number=picks,
        amount=st.none() | amounts,
        status=st.sampled_from([None, "active", "paused"]),
        life=lives,
    )
    def update(self, number: int, amount: int | None, status: str | None, life: int | None) -> None:
        expires_at = life and self.model.now + timedelta(minutes=life - 10)
        wanted = {"amount": amount, "status": status, "expires_at": expires_at}
        changes = {name: value for name, value in wanted.items() if value is not None}
        self.attempt(do.update_supply, self.pick("supplies", number), changes)

    @rule(number=picks, balance=st.integers(0, 500) | st.just(RICH))
    def watch(self, number: int, balance: int) -> None:
        self.attempt(do.watch_supply, self.pick("supplies", number), balance)

    @rule(number=picks, on_time=st.booleans())
    def close(self, number: int, on_time: bool) -> None:
        self.attempt(do.close_supply, self.pick("supplies", number), on_time)

    @rule(owner=owners, cents=st.lists(st.integers(1, 90), min_size=1, max_size=4), life=lives)
    def place(self, owner: str, cents: list[int], life: int | None) -> None:
        self.attempt(do.place_order, owner, cents, life)

    @having("orders")
    @rule(number=picks, how=st.sampled_from(["cancel", "expire"]))
    def end(self, number: int, how: str) -> None:
        self.attempt(do.end_order, self.pick("orders", number), how)

    @having("orders")
    @rule(number=picks)
    def delete(self, number: int) -> None:
        self.attempt(do.delete_order, self.pick("orders", number))

    @having("orders")
    @rule(number=picks, life=lives)
    def postpone(self, number: int, life: int | None) -> None:
        self.attempt(do.update_order, self.pick("orders", number), life)

    @having("orders")
    @rule(number=picks, who=st.sampled_from(CLAIMERS), second=st.booleans(), reads=st.booleans())
    def claim(self, number: int, who: str, second: bool, reads: bool) -> None:
        wallet_id = f"wal_{who}_2" if second else f"wal_{who}"
        self.attempt(do.claim_order, self.pick("orders", number), who, wallet_id, reads)

    @having("claims")
    @rule(number=picks, epoch=epochs)
    def beat(self, number: int, epoch: int | None) -> None:
        self.attempt(do.beat_claim, self.pick("claims", number), epoch)

    @having("claims")
    @rule(number=picks, how=st.sampled_from(["release", "reject", "lapse"]), epoch=epochs)
    def give_up(self, number: int, how: str, epoch: int | None) -> None:
        self.attempt(do.end_claim, self.pick("claims", number), how, epoch)

    @having("claims")
    @rule(number=picks, again=st.booleans())
    def process(self, number: int, again: bool) -> None:
        self.attempt(do.process_claim, self.pick("claims", number), again)

    @having("payments")
    @rule(number=picks)
    def pay(self, number: int) -> None:
        self.attempt(do.pay, self.pick("payments", number))

    @having("payments")
    @rule(number=picks, status=st.sampled_from(["failed", "cancelled"]))
    def fail(self, number: int, status: str) -> None:
        self.attempt(do.fail, self.pick("payments", number), status)

    @having("payments")
    @rule(number=picks, reason=st.sampled_from([None, "FUNDS_BLOCKED"]))
    def block(self, number: int, reason: str | None) -> None:
        self.attempt(do.block_payment, self.pick("payments", number), reason)

    @having("payments")
    @rule(number=picks)
    def finalize(self, number: int) -> None:
        self.attempt(do.finalize, self.pick("payments", number))

    @having("payments")
    @rule(number=picks)
    def reorganise(self, number: int) -> None:
        self.attempt(do.reorganise, self.pick("payments", number))

    @having("claims")
    @rule(number=picks)
    def abandon(self, number: int) -> None:
        self.attempt(do.abandon_settlement, self.pick("claims", number))

    @invariant()
    def books_hold(self) -> None:
        verify(self.model)


TestDesk = DeskMachine.TestCase
TestDesk.settings = settings(max_examples=size("SEQUENCES", 60), stateful_step_count=60)
