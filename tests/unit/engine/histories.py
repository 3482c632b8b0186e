"""Random histories of the engine over a faulty node, a model of the database and a manual clock."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from schemas.transactions import ReplaceTransaction
from shared import resources
from shared.chain.client import ChainClient
from shared.chain.endpoints import Endpoint
from shared.chain.errors import ChainError
from shared.chain.pool import Pool
from shared.chain.registry import Registry
from shared.chain.rpc import Rpc
from shared.domain.errors import Refusal
from shared.domain.permissions import Caller
from shared.domain.transactions.transactions import Transaction
from shared.domain.wallets.wallets import Wallet
from shared.engine import accept, dispatch, intents, tick
from shared.engine.intents import Sender
from shared.engine.pending import Marks
from shared.engine.process_hints import hints
from shared.engine.tick import Holder
from shared.keys.accounts import address_of, sign_transaction
from shared.keys.vault import Binding
from shared.runtime.clock import new_id
from shared.runtime.context import Context, deadline_in, running
from shared.store.port import StoreError
from shared.store.session import Session
from shared.store.tables.supplies import FUNDS
from shared.store.tables.transactions import ATTEMPTS, LANES, TRANSACTIONS
from shared.store.tables.wallets import VAULT_KEYS, WALLETS, VaultKey
from shared.writes import commit as commits
from tests.model import store as model
from tests.unit.engine.chain_model import GWEI, Faults
from tests.unit.engine.faulty_node import FaultyNode, Mirror
from tests.unit.engine.simulation import START, Clock, Killed, world

TRANSFERS = 6
STEPS = 70
MOST_HELD_UP = 120.0  # seconds of a pass while one of two endpoints does not answer


@dataclass
class History:
    """One seed: a world, its history, and whether it ended well."""

    seed: int
    rng: random.Random = field(init=False)
    clock: Clock = field(default_factory=Clock)
    accepted: dict[str, int] = field(default_factory=dict)  # transaction id → value, unique
    armed: bool = False
    length: int = STEPS
    longest: float = 0.0  # seconds of a pass, by the simulated clock
    passes: int = 0
    marks: Marks = field(default_factory=Marks)  # the start of this run's queues
    processes: int = 1
    last_fee: int = GWEI

    def __post_init__(self) -> None:
        rng = self.rng = random.Random(self.seed)
        self.transfers, slots = rng.choices(
            [(TRANSFERS, 2), (TRANSFERS, 16), (24, 16), (110, 64)], [40, 49, 9, 2]
        )[0]
        chance = rng.choice([0.0, 0.1, 0.2])
        faults = Faults(
            error=chance, lost_answer=rng.choice([0.0, 0.2, 0.4]), swallow=rng.choice([0.0, 0.15]),
            forget=rng.choice([0.0, 0.2]), lag=rng.choice([0.0, 0.2]), hide=rng.choice([0.0, 0.3]),
            delay=rng.choice([0.0, 0.0, 0.2]),
            far=rng.choice([0.0, 0.0, 0.1]), invent=rng.choice([0.0, 0.2]), noisy=rng.random() < 0.2,
            strict=rng.random() < 0.3, ceil=rng.random() < 0.5, slots=slots,
        )  # fmt: skip
        self.node = FaultyNode(rng, self.seconds, faults)
        self.node.wait = self.slept
        told = {
            "flip": rng.choice([0.0, 0.2]),
            "other": rng.choice([0.0, 0.0, 0.1]),
        }  # single answers must not be believed
        self.mirror = Mirror(self.node, replace(faults, lag=0.1, **told))
        self.trouble = model.Faults(rng, abort=rng.choice([0.0, 0.1]), unknown=rng.choice([0.0, 0.05, 0.2]))
        self.database = self.opened()
        spec = Registry.DEFAULT.chain("local")
        nodes = self.endpoints()[: rng.choice([1, 1, 2])]
        pool = Pool(
            [Endpoint(node, spec.chain_id, clock=self.seconds, sleep=self.slept) for node in nodes],
            parallel=False,  # a seed is a history
        )
        self.client = ChainClient(spec, pool, seconds=self.seconds)

    def opened(self) -> Any:
        """The store of this history."""
        return model.MemoryDatabase(model.Faults(self.rng), self.clock.now)

    def endpoints(self) -> list[Rpc]:
        """The node as the engine reaches it, over two endpoints."""
        return [self.node, self.mirror]

    def trouble_store(self, abort: float, unknown: float) -> None:
        """Set how often the store aborts a body, or loses the answer of a commit."""
        self.database.faults.abort, self.database.faults.unknown = abort, unknown

    def seconds(self) -> float:
        return self.clock.moment.timestamp()

    def slept(self, seconds: float) -> None:
        """Advance the clock: nobody waits here."""
        self.clock.moment += timedelta(seconds=seconds)

    def wallet(self) -> Wallet:
        self.key = self.rng.randbytes(32)
        return self.stored_wallet("1", self.key)

    def stored_wallet(self, name: str, key: bytes) -> Wallet:
        address, user = address_of(key), f"usr_{self.rng.random()}"
        wallet = Wallet(
            f"wal_{name}", user, "w", "local", "imported", address, None, None, None, f"key_{name}", "active",
            None, 1, START, START,
        )  # fmt: skip
        sealed = resources.vault().seal(key, Binding(user, wallet.id, "private_key", 1))
        stored = VaultKey(
            wallet.key_id, "private_key", sealed.to_bytes(), sealed.master_key_id, 1, START, START
        )
        self.database.write([WALLETS.write("insert", wallet), VAULT_KEYS.write("insert", stored)])
        return wallet

    # — the steps

    def run(self) -> None:
        """Take random steps, then remove all faults until everything is final."""
        self.owner = self.wallet()
        self.used_before()
        for _ in range(3):
            self.node.mine()
        self.armed = True
        self.trouble_store(self.trouble.abort, self.trouble.unknown)
        for _ in range(self.length):
            step = self.rng.choices(*zip(*self.steps(), strict=True))[0]
            self.attempt(step)
        self.peace()

    def used_before(self) -> None:
        """The owner has used the key before a lane exists; the last transaction may still be pending."""
        for number in range(self.rng.choice([0, 0, 0, 1, 3])):
            self.node.told["used before"] += 1
            self.attempt(self.owner_elsewhere)
            if number % 2 == 0:
                self.node.mine()

    def steps(self) -> list[tuple[Callable[[], None], int]]:
        return [
            (self.accept_some, 25 if len(self.accepted) < self.transfers else 0),
            (self.hint, 8),
            (self.tick, 30),
            (self.mine, 25),
            (self.wait, 15),
            (lambda: self.node.reorganise(self.rng.randint(1, 3)), 8),
            (self.forget_pool, 2),
            (self.raise_fees, 3),
            (self.cancel, 3),
            (self.hasten, 2),
            (self.foreigner, 1),
            (self.owner_elsewhere, 1),
            (self.stall_finality, 2),
            (self.hang, 2),
            (self.empty, 2),
            (self.top_up, 2),
            (hints().question_heights.clear, 1),
        ]

    def attempt(self, step: Callable[[], None]) -> None:
        context = Context("simulation", "req", deadline_in(600))
        context.caller = Caller.of_system()
        with running(context), contextlib.suppress(ChainError, StoreError, Refusal):
            try:
                step()
            except Killed:
                self.restart()

    def restart(self) -> None:
        """Continue as another process: the memory of the dead one is lost."""
        self.node.told["killed"] += 1
        self.passes, self.processes = 0, self.processes + 1
        known = hints()
        for memory in (
            known.question_heights, known.starts, known.balance_checks, known.next_lanes, known.heads,
            known.rests, known.final_heights,
        ):  # fmt: skip
            memory.clear()

    def accept_some(self) -> None:
        """Accept one transaction; the first time as many more as the history has above the usual number."""
        for _ in range(1 if self.accepted else self.transfers - TRANSFERS + 1):
            self.attempt(self.accept)

    def accept(self) -> None:
        value = 1000 + len(self.accepted)
        hurried = self.rng.random() < 0.15
        deadline = self.clock.moment + timedelta(seconds=self.rng.randint(1, 30)) if hurried else None
        sender = Sender.of_wallet(self.owner)
        intent = intents.build(sender, "0x" + "ab" * 20, value=value, deadline=deadline)
        planned = accept.plan(intent, gas=None)
        identity = new_id("txn")
        self.accepted[identity] = value
        commits.commit(accept_under, planned, identity)

    def hint(self) -> None:
        dispatch.dispatch(f"local:{self.owner.address.lower()}")

    def tick(self) -> None:
        began, self.passes = self.clock.moment, self.passes + 1
        if self.passes % 6 == 1:
            self.marks = Marks()  # a run begins
        try:
            tick.run_pass("local", self.holder(), self.marks)
        finally:
            self.longest = max(self.longest, (self.clock.moment - began).total_seconds())
            self.judge_waiting()
            self.judge_pauses()

    def holder(self) -> Holder | None:
        """In every third history, leases work as with several processes: a dead process still holds its leases, and
        failed buckets are left alone for a while."""
        return Holder(f"own_{self.processes}", 20.0, 1.0) if self.seed % 3 == 0 else None

    def mine(self) -> None:
        self.clock.moment += timedelta(seconds=1)
        self.node.mine()

    def wait(self) -> None:
        self.clock.moment += timedelta(seconds=self.rng.choice([1, 3, 10, 70]))

    def forget_pool(self) -> None:
        self.node.pool.clear()

    def raise_fees(self) -> None:
        self.node.base_fee = self.rng.choice([1, 2, 5, 20, 400]) * GWEI

    def cancel(self) -> None:
        from functions.transactions.cancel_transaction import cancel_transaction

        if self.accepted:
            which = self.rng.choice(sorted(self.accepted))
            caller = Caller.of_user("ops", ["operator"], "service")
            cancel_transaction(ReplaceTransaction(transaction_id=which), caller)

    def hasten(self) -> None:
        from functions.transactions.speed_up_transaction import speed_up_transaction

        if self.accepted:
            which = self.rng.choice(sorted(self.accepted))
            caller = Caller.of_user("ops", ["operator"], "service")
            speed_up_transaction(ReplaceTransaction(transaction_id=which), caller)

    def foreigner(self) -> None:
        """Another holder of the key sends the next nonce directly to the node."""
        address = self.owner.address.lower()
        signed = sign_transaction(
            {
                "chainId": 31337, "nonce": self.node.blocks[-1].nonces.get(address, 0), "to": "0x" + "ee" * 20,
                "value": 7, "gas": 21_000, "maxFeePerGas": 900 * GWEI, "maxPriorityFeePerGas": 90 * GWEI,
            },
            self.key,
        )  # fmt: skip
        self.node.told["a foreign sender"] += 1
        self.node.take(signed.raw)

    def owner_elsewhere(self) -> None:
        """The owner sends from another program, behind the pending transactions; the fee may soon be too low."""
        address = self.owner.address.lower()
        nonce = self.node.blocks[-1].nonces.get(address, 0)
        while (address, nonce) in self.node.pool:
            nonce += 1
        fee = self.rng.choice(
            [self.last_fee + GWEI, 900 * GWEI]
        )  # enough without faults: nobody else can bump it
        signed = sign_transaction(
            {
                "chainId": 31337, "nonce": nonce, "to": "0x" + "ee" * 20, "value": 7, "gas": 21_000,
                "maxFeePerGas": fee, "maxPriorityFeePerGas": GWEI,
            },
            self.key,
        )  # fmt: skip
        self.node.told["the owner's own"] += 1
        self.node.take(signed.raw)

    def stall_finality(self) -> None:
        """Stop finality; later it comes for everything at once."""
        self.node.stalled = None if self.node.stalled is not None else max(0, len(self.node.blocks) - 4)

    def hang(self) -> None:
        """The second endpoint stops answering, or answers again; with one endpoint, some of its answers do not come."""
        if len(self.client.pool.endpoints) > 1:
            self.mirror.faults.hang = 1.0 - self.mirror.faults.hang
        else:
            self.node.faults.hang = 0.0 if self.node.faults.hang else 0.1

    def empty(self) -> None:
        self.node.given[self.owner.address.lower()] = 0

    def top_up(self) -> None:
        self.node.given[self.owner.address.lower()] = 10**20

    # — the end

    def peace(self) -> None:
        """Remove all faults: the node behaves, fees are low, funds exist. Everything must become final."""
        self.armed, self.node.stalled = False, None
        behaving = Faults(strict=self.node.faults.strict, ceil=self.node.faults.ceil)
        self.node.faults = self.mirror.faults = behaving
        self.trouble_store(0.0, 0.0)
        self.node.base_fee = self.last_fee
        self.attempt(self.top_up)
        for number in range(300):
            self.clock.moment += timedelta(seconds=1 if number % 5 else 20)
            self.node.mine()
            self.attempt(self.tick)
            rows = self.rows()
            for row in rows:
                if row.blocked_reason == "FOREIGN_NONCE" and not row.is_fill:
                    assert self.is_foreign(row), f"seed {self.seed}: {row.id} asks for a person without need"
                    self.attempt(lambda row=row: self.give_up(row))
            if all(row.finalized for row in rows):
                return self.judge()
        left = [
            (row.id, row.state, row.nonce, row.blocked_reason) for row in self.rows() if not row.finalized
        ]
        raise AssertionError(f"seed {self.seed}: stuck: {left}")

    def is_foreign(self, row: Transaction) -> bool:
        """Tell whether somebody else used its nonce; only they send this value."""
        used = ((one.sender, one.nonce, one.value) for one in self.node.canonical())
        return (row.from_address.lower(), row.nonce, 7) in used

    def give_up(self, row: Transaction) -> None:
        from functions.transactions.cancel_transaction import cancel_transaction

        caller = Caller.of_user("ops", ["operator"], "service")
        cancel_transaction(ReplaceTransaction(transaction_id=row.id), caller)

    def rows(self) -> list[Transaction]:
        return Session(self.database.snapshot()).one(TRANSACTIONS.scan())

    def judge_hanging(self) -> None:
        """Check that a hanging endpoint costs only a few waits of ten seconds, because another one answers."""
        if len(self.client.pool.endpoints) > 1:
            assert self.longest <= MOST_HELD_UP, f"seed {self.seed}: a pass took {self.longest} s"

    def judge_waiting(self) -> None:
        """0 waiting without a reason."""
        for identity, reason, since, finalized in self.waits():
            assert (reason is None or since is None) == finalized, f"seed {self.seed}: {identity}: {reason}"

    def waits(self) -> Iterator[tuple[str, str | None, datetime | None, bool]]:
        """Each transaction with its reason to wait, the time since, and whether it is final."""
        for row in self.database.rows[TRANSACTIONS.name].values():
            yield row["transaction_id"], row["waiting_for"], row["waiting_since"], row["finalized"]

    def judge_pauses(self) -> None:
        """An address is paused while any of its nonces is foreign."""
        assert self.foreign_pauses() <= {"FOREIGN_NONCE"}, f"seed {self.seed}: {self.foreign_pauses()}"

    def foreign_pauses(self) -> set[str | None]:
        """Why the addresses are paused of which a nonce is foreign."""
        why = {row["id"]: row["paused_reason"] for row in self.database.rows[LANES.name].values()}
        rows = self.database.rows[TRANSACTIONS.name].values()
        return {why[row["lane_id"]] for row in rows if row["blocked_reason"] == "FOREIGN_NONCE"}

    def judge(self) -> None:
        """0 double, 0 lost: the rows agree with the chain."""
        where = f"seed {self.seed}"
        mined = [one for one in self.node.canonical() if one.sender == self.owner.address.lower()]
        attempts = Session(self.database.snapshot()).one(ATTEMPTS.scan())
        ours = {attempt.hash: attempt for attempt in attempts}
        times: dict[int, int] = {}
        for one in mined:
            times[one.value] = times.get(one.value, 0) + 1
            assert one.hash in ours or one.value == 7, f"{where}: sent but not stored"
        for row in self.rows():
            if row.kind == "noop":
                continue
            count = times.get(row.value, 0)
            assert count <= 1, f"{where}: {row.id} was executed {count} times"
            assert (row.state == "confirmed") == (count == 1), f"{where}: {row.id} {row.state}, {count}"
        self.judge_hanging()
        nonces = [one.nonce for one in mined]
        assert nonces == list(range(len(mined))), f"{where}: nonces {nonces}"
        for row in Session(self.database.snapshot()).one(FUNDS.scan()):
            assert row.committed == row.in_flight == 0, f"{where}: {row} when all is over"


def accept_under(unit: Any, planned: Any, identity: str) -> None:
    accept.accept(unit, planned, transaction_id=identity, tenant="usr", idem_key=identity)


__all__ = ["History", "world"]
