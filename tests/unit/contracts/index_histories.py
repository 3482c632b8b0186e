"""Random histories of an index over models of the chain, its nodes and the database."""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from shared import resources
from shared.adapters.cache import NoCache
from shared.chain.client import ChainClient
from shared.chain.endpoints import Endpoint
from shared.chain.pool import Pool
from shared.contracts.events import (
    addresses,
    factories,
    fill,
    following,
    live,
    notices,
    rolling_back,
    run,
    turns,
)
from shared.domain.contracts import contracts as contract_rules
from shared.domain.contracts import events as event_rules
from shared.domain.contracts import follows as follow_rules
from shared.domain.permissions import Caller
from shared.domain.wallets.wallets import new_wallet
from shared.keys.addresses import checksummed
from shared.runtime import clock
from shared.runtime.context import Context, deadline_in, running
from shared.runtime.errors import Unready
from shared.settings import load
from shared.store import event_rows
from shared.store.session import Session
from shared.store.table import INDEXES, TABLES
from shared.store.tables.contract_events import FOLLOWED, FOLLOWS, unfollow
from shared.store.tables.contracts import CONTRACTS
from shared.store.tables.wallets import WALLETS
from shared.store.unit_of_work import UnitOfWork
from shared.writes import mutation, outbox_relay
from shared.writes.commit import commit
from tests.model.generated import GENERATED
from tests.model.store import Faults, MemoryDatabase
from tests.unit.contracts.log_chain import LogChain, ModelNode

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
STEPS = 14
FACTORY = "0x" + "fa" * 20
E_ABI = '[{"type":"event","name":"E","anonymous":false,"inputs":[]}]'
MADE_INPUT = '{"name":"made","type":"address","indexed":false}'
FACTORY_ABI = '[{"type":"event","name":"Made","anonymous":false,"inputs":[' + MADE_INPUT + "]}]"


def _complete_the_model() -> None:
    """Generated columns that no history needs are NULL."""
    for index in INDEXES.values():
        known = GENERATED.setdefault(index.table.name, {})
        for name in index.key:
            if name not in index.table.columns and name not in known:
                known[name] = lambda row: None


def _owner(contract_id: str) -> str:
    """Two accounts: one has the factory and some of the others."""
    return "usr_1" if contract_id in ("ctr_f", "ctr_0", "ctr_1") else "usr_2"


class Killed(BaseException):
    """The process dies here."""


class Stopped:
    def now(self) -> datetime:
        return NOW


class IndexHistory:
    """One index; `run` is a random history that ends without faults, and then compares everything."""

    def __init__(self, seed: int) -> None:
        _complete_the_model()
        self.seed, self.rng = seed, random.Random(seed)
        addresses = ["0x" + f"{number:02x}" * 20 for number in range(1, 5)]
        wallets = ["0x" + f"{number:02x}" * 20 for number in range(0x51, 0x54)]
        children = tuple("0x" + f"{number:02x}" * 20 for number in range(0x71, 0x74))
        self.chain = LogChain(self.rng, addresses, wallets, FACTORY, children)
        self.told: Counter[str] = Counter()
        self.nodes = self._nodes()
        self.database = MemoryDatabase()
        spec = resources.registry().chain("local")
        endpoints = [
            Endpoint(node, spec.chain_id, clock=lambda: 0.0, sleep=lambda _: None) for node in self.nodes
        ]
        for endpoint in endpoints:
            endpoint._take_rest = lambda: None  # type: ignore[method-assign]  # time stands still
        self.client = ChainClient(spec, Pool(endpoints, parallel=False))
        self.armed = False
        self.ended: set[str] = set()  # children that their user has stopped following, or deleted
        self.events: list[tuple[str, Any]] = []

    def _nodes(self) -> list[ModelNode]:
        """One node that may be late, or three nodes of which one may answer anything."""
        if self.seed % 2:
            return [
                ModelNode("one", self.chain, error=0.03, lag=0.2, former=0.1, refuses=0.2, told=self.told)
            ]
        liar = ModelNode("liar", self.chain, 0.1, 0.2, 0.4, 0.2, 0.5, self.told)
        late = ModelNode("late", self.chain, error=0.05, lag=0.3, told=self.told)
        return [liar, late, ModelNode("sound", self.chain, refuses=0.1, told=self.told)]

    @contextlib.contextmanager
    def stage(self, patch: Any) -> Iterator[None]:
        def point(name: str) -> None:
            if self.armed and self.rng.random() < 0.03:
                self.told["killed"] += 1
                raise Killed

        real = rolling_back.take_back

        def take_back(index: Any, gone: Any, below: Any = None) -> Any:
            self.told["resumed"] += bool(gone.taken_back)
            return real(index, gone, below)

        patch.setattr(rolling_back, "take_back", take_back)
        patch.setattr(clock, "secrets", random.Random(self.seed + 1))
        patch.setattr(clock.secrets, "token_bytes", clock.secrets.randbytes, raising=False)
        patch.setattr(outbox_relay, "after_commit", lambda changes, committed_at: None)
        patch.setattr(mutation, "point", point)
        patch.setattr(event_rules, "WINDOW", 10)
        patch.setattr(live, "BLOCKS_AT_ONCE", 4)
        patch.setattr(rolling_back, "COMPARED_AT_ONCE", 4)
        patch.setattr(notices, "TAKEN_AT_ONCE", 2)
        patch.setattr(factories, "EVENTS_AT_ONCE", 3)
        patch.setattr(factories, "ADDED_AT_ONCE", 2)
        patch.setattr(turns, "MAX_RANGE", 4)
        patch.setattr(fill, "MANY_EVENTS", 3)
        patch.setattr(addresses, "FOLLOWS_AT_ONCE", 1)
        patch.setattr(addresses, "MAX_ADDRESSES", 2)
        patch.setattr(addresses, "TURN", 1)
        patch.setattr(live, "MAX_ADDRESSES", self.rng.choice((1, 100)))
        settings = replace(load({}), rpc_urls={"local": ("http://unused",)})
        with resources.override(
            fresh=True, settings=settings, clock=Stopped(), cache=NoCache(), database=self.database,
            **{"chain:local": self.client},
        ):  # fmt: skip
            context = Context("index_chain", "req_test", deadline_in(60), caller=Caller.of_system())
            with running(context):
                self._rows()
                self.database.faults = Faults(self.rng, abort=0.02, unknown=0.02)
                yield

    def _rows(self) -> None:
        contracts = [(f"ctr_{number}", one, E_ABI) for number, one in enumerate(self.chain.addresses)]
        for known, address, abi in (*contracts, ("ctr_f", FACTORY, FACTORY_ABI)):
            made = contract_rules.new_contract(
                contract_id=known, user_id=_owner(known), name="c", chain="local", kind="custom", abi=abi,
                address=checksummed(bytes.fromhex(address[2:])), now=NOW,
            )  # fmt: skip
            self.database.write([CONTRACTS.write("insert", made)])
        for number, address in enumerate(self.chain.wallets[:2]):
            wallet = new_wallet(
                wallet_id=f"wal_{number}", key_id=f"key_{number}", user_id="usr_1", name="w", chain="local",
                address=checksummed(bytes.fromhex(address[2:])), path="m/0", now=NOW, unproven=False,
            )  # fmt: skip
            self.database.write([WALLETS.write("insert", wallet)])

    def run(self) -> None:
        assert live.open_index(self.calm()) is not None
        self.chain.mine(8)  # no reorganisation goes below the height that was final when the index began
        self.chain.former = list(self.chain.blocks)
        self.armed = True
        for _ in range(STEPS):
            step = self.rng.choice(
                (
                    self.mine,
                    self.mine,
                    self.index,
                    self.index,
                    self.reorganise,
                    self.follow,
                    self.follow_factory,
                    self.end_child,
                )
            )
            with contextlib.suppress(Killed, Unready):
                step()
        self.armed = False
        self.peace()
        self.check()

    def calm(self) -> ChainClient:
        """A second client, of a node without faults."""
        spec = resources.registry().chain("local")
        node = ModelNode("calm", self.chain)
        return ChainClient(spec, Pool([Endpoint(node, spec.chain_id)], parallel=False))

    def mine(self) -> None:
        self.chain.mine(self.rng.choice((1, 1, 2, 6)))

    def reorganise(self) -> None:
        depth = self.rng.choice((1, 1, 2, 3, 5))
        self.told[f"reorganised {depth}"] += 1
        self.chain.reorganise(depth)

    def index(self) -> None:
        run.run_pass(self.client)

    def follow(self) -> None:
        number = self.rng.randrange(len(self.chain.addresses))
        known = Session(self.database.snapshot()).maybe(FOLLOWS.find(f"ctr_{number}"))
        if known is not None and self.rng.random() < 0.4:
            self.told["unfollowed"] += 1
            commit(lambda unit: unfollow(unit, [unit.one(FOLLOWS.get(known.id))]))
            return
        wish = follow_rules.new_follow(
            contract_id=f"ctr_{number}", user_id=_owner(f"ctr_{number}"), chain="local",
            address=self.chain.addresses[number],
            from_block=self.rng.randint(0, len(self.chain.blocks) - 1),
            confirmations=self.rng.randint(1, 3), announced=self.rng.random() < 0.7, now=NOW,
        )  # fmt: skip
        commit(lambda unit: following.follow(unit, wish, keep_start=False) and None)

    def follow_factory(self) -> None:
        """Follow a factory permanently, perhaps first without a rule, or after another user has followed it."""
        known = Session(self.database.snapshot()).maybe(FOLLOWS.find("ctr_f"))
        if known is not None and known.factory_event is not None:
            return
        rule = ("Made(address)", "made", E_ABI) if self.rng.random() < 0.7 else None
        wish = follow_rules.new_follow(
            contract_id="ctr_f", user_id="usr_1", chain="local", address=FACTORY,
            from_block=self.rng.randint(0, len(self.chain.blocks) - 1), confirmations=2, announced=True,
            now=NOW, factory=rule,
        )  # fmt: skip
        commit(lambda unit: following.follow(unit, wish, keep_start=False) and None)

    def end_child(self) -> None:
        """Stop following a contract that the factory has added, or delete it."""
        children = [one for one in Session(self.database.snapshot()).many(FOLLOWS.scan()) if one.parent_id]
        if not children:
            return
        child, deleted = self.rng.choice(children), self.rng.random() < 0.5

        def end(unit: UnitOfWork) -> None:
            following.end(unit, unit.one(FOLLOWS.get(child.id)))
            if deleted:
                unit.delete(unit.one(CONTRACTS.get(child.id)))

        self.ended.add(child.address)
        self.told.update(["unfollowed", "child deleted" if deleted else "child unfollowed"])
        commit(end)

    def peace(self) -> None:
        """Use nodes without faults and a chain that has grown beyond the index, and run passes until all is filled and
        announced."""
        for node in self.nodes:
            node.error = node.lag = node.former = node.refuses = node.lies = 0.0
        self.database.faults = Faults(self.rng)
        index = Session(self.database.snapshot()).one(TABLES["chain_indexes"].get("local"))
        self.chain.mine(max(1, index.number + 2 - len(self.chain.blocks)))
        for _ in range(40):
            run.run_pass(self.client)

    def check(self) -> None:
        """Check that the stored rows equal those of a fresh index of the chain, and that each event is announced as
        often as it came."""
        session = Session(self.database.snapshot())
        stored = session.many(TABLES["contract_events"].scan())
        heights = {block.hash: block.number for block in self.chain.blocks}
        followed = {one.address: one for one in session.many(FOLLOWED.scan("local"))}
        assert all(one.live and one.work is None for one in followed.values()), (self.seed, followed)
        follows = session.many(FOLLOWS.scan())
        assert all(one.work is None and not one.missing for one in follows), (self.seed, follows)
        assert all(followed[one.address].from_block <= one.from_block for one in follows), (
            self.seed,
            follows,
        )
        for address in (*self.chain.addresses, FACTORY, *self.chain.children):
            have = {(one.block_hash, one.log_index) for one in stored if one.address == address}
            there = self.chain.logs_of(address)
            assert have <= there, (self.seed, "stored what is not there")
            if address in followed:
                row = followed[address]
                wanted = {one for one in there if heights[one[0]] >= row.from_block}
                if (
                    row.gap_block is not None
                ):  # no node gave this block's logs, and later ones may be missing too
                    self.told["gap"] += 1
                    wanted = {one for one in wanted if heights[one[0]] < row.gap_block}
                assert wanted <= have, (self.seed, "left out", address, wanted - have)
            else:
                assert not have, (self.seed, "kept what nobody follows")
        self._check_children(session)
        self._check_deposits(session)
        self._check_told(session, heights)

    def _check_children(self, session: Session) -> None:
        """Check that the followed children are those that the factory announces in existing blocks, from its first
        block on. Those that ended may be followed again, from where the factory announces them again."""
        factory = session.maybe(FOLLOWS.find("ctr_f"))
        if factory is None or factory.factory_event is None:
            return
        if (
            session.one(FOLLOWED.get("local", FACTORY)).gap_block is not None
        ):  # the log that named them may be missing
            return
        since = factory.from_block
        named = {one: self.chain.announced(one, since) for one in self.chain.children}
        wanted = {child: number for child, number in named.items() if number is not None}
        rows = [one for one in session.many(TABLES["follows"].scan()) if one.address in self.chain.children]
        have = {one.address: one.from_block for one in rows}
        again = {one: have[one] for one in self.ended & have.keys()}
        assert all(wanted.get(one, number + 1) <= number for one, number in again.items()), self.seed
        wanted = {one: number for one, number in wanted.items() if one not in self.ended}
        assert have == wanted | again, (self.seed, "children", have, wanted)
        assert len(rows) == factory.children, (self.seed, "children")
        contracts = {one.id for one in session.many(CONTRACTS.scan())}
        assert {one.id for one in rows} <= contracts, self.seed
        assert self.ended or len(contracts) == len(rows) + 5, self.seed
        self.told["children"] += len(rows)

    def _check_deposits(self, session: Session) -> None:
        first = session.one(TABLES["chain_indexes"].get("local")).first_number
        ours = {one: f"wal_{number}" for number, one in enumerate(self.chain.wallets[:2])}
        wanted = {
            (block.hash, -1 - at, ours[to], value)
            for block in self.chain.blocks[first + 1 :]
            for at, (to, value, success) in enumerate(block.payments)
            if success and to in ours
        }
        rows = session.many(TABLES["deposits"].scan())
        have = {(one.block_hash, one.place, one.wallet_id, one.amount) for one in rows}
        later = {one for one in have if one[0] in {block.hash for block in self.chain.blocks[: first + 1]}}
        assert have - later == wanted, (self.seed, "deposits", have ^ wanted)

    def _check_told(self, session: Session, heights: dict[str, int]) -> None:
        """Check that all announcements of a removed block are taken back, and none of an existing block is repeated."""
        told: Counter[tuple[str, str, str]] = Counter()
        rows = session.many(TABLES["outbox"].scan())
        for _, envelope in (event for row in rows for event in event_rows.outgoing(row)):
            kind, data = envelope["type"], envelope["data"]
            if kind.startswith("contract.event"):
                told[data["contract_id"], data["block_hash"], "c"] += 1 if kind == "contract.event" else -1
            else:
                key = (data["wallet_id"], data["transaction_hash"], data["block_hash"])
                told[key] += 1 if kind == "wallet.received" else -1
        for (subject, block, _), count in told.items():
            if subject.startswith("ctr_"):
                most = 1 if block in heights else 0
                assert count in (0, most) or self.told["unfollowed"], (self.seed, "told", subject, count)
        for (subject, _, block), count in told.items():
            if subject.startswith("wal_"):
                assert count == (1 if block in heights and heights[block] + 1 < len(heights) else 0), (
                    self.seed, "received", subject, count,
                )  # fmt: skip
