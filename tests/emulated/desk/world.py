"""A small order desk for tests: people, funded wallets, and the steps to a test's starting point."""

from __future__ import annotations

import itertools
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from shared import resources
from shared.chain.registry import checksum
from shared.domain.wallets.wallets import Wallet
from shared.runtime.clock import new_id
from shared.store.port import Write
from shared.store.tables.wallets import WALLETS
from tests.emulated.conftest import Recorder
from tests.support.inprocess import Answer, App
from tests.support.json_rpc import ask

ETHER = 10**18
NO_CACHE = {"Cache-Control": "no-cache"}


@dataclass
class Desk:
    """Everything goes through the operations; only wallets and on-chain balances are created directly."""

    app: App
    published: Recorder
    node: str
    names: itertools.count[int] = field(default_factory=itertools.count)

    def person(self, name: str = "usr") -> str:
        return f"{name}_{next(self.names)}_{secrets.token_hex(4)}"

    def wallets(self, users: list[str], *, chain: str = "local") -> list[str]:
        """Create one wallet for each person, in one commit."""
        now = datetime.now(UTC)
        made = []
        for user in users:
            address = checksum("0x" + secrets.token_hex(20))
            made.append(
                Wallet(new_id("wal"), user, "till", chain, "imported", address, None, None, None, "key_none",
                       "active", None, 1, now, now)
            )  # fmt: skip
        writes: list[Write] = [WALLETS.write("insert", wallet) for wallet in made]
        resources.database().write(writes)
        return [wallet.id for wallet in made]

    def wallet(self, user: str, *, ether: float = 0, chain: str = "local") -> str:
        (identity,) = self.wallets([user], chain=chain)
        if ether:
            self.fund(self.address(identity), ether)
        return identity

    def address(self, wallet_id: str) -> str:
        from shared.store.session import Session

        found: Wallet = Session(resources.database().snapshot()).one(WALLETS.get(wallet_id))
        return found.address

    def fund(self, address: str, ether: float) -> None:
        """Set an address's balance and mine enough blocks to confirm it."""
        self.rpc("anvil_setBalance", address, hex(int(ether * ETHER)))
        self.rpc("anvil_mine", "0x3")

    def rpc(self, method: str, *params: Any) -> Any:
        return ask(self.node, method, *params)

    def imported(self, user: str, *, ether: float) -> str:
        """Create a wallet with a key in the product, so that it can pay."""
        body = {"name": "till", "private_key": "0x" + secrets.token_hex(32)}
        wallet = self.app.ok(201, "POST", "/wallets/import", body, user=user)["wallet"]
        self.fund(wallet["address"], ether)
        return str(wallet["id"])

    def balance(self, address: str) -> int:
        return int(self.rpc("eth_getBalance", address, "latest"), 16)

    def process(self, user: str, claim_id: str) -> Any:
        return self.app.ok(202, "POST", f"/claims/{claim_id}/process", user=user)

    def drive(self, claim_id: str, user: str, *, until: tuple[str, ...] = ("processed", "failed")) -> Any:
        """Run the engine, a block at a time, until the claim has ended.

        40 passes may take less than the two seconds after which another process sends signed transactions."""
        started, passes = time.monotonic(), 0
        while passes < 40 or time.monotonic() < started + 10:
            self.app.schedule("tick_chain")
            seen = self.get(f"/claims/{claim_id}", user)
            if seen["status"] in until:
                return seen
            self.rpc("anvil_mine", "0x1")
            passes += 1
        raise AssertionError(f"the claim is still {seen}")

    def shopper(self, ether: float = 10, supply: str | None = "2") -> str:
        """A person with one wallet and an active supply."""
        user = self.person("shopper")
        self.wallet(user, ether=ether)
        if supply is not None:
            self.supply(user, supply)
        return user

    def claimer(self) -> str:
        user = self.person("claimer")
        self.wallet(user)
        return user

    def supply(self, user: str, amount: str = "2", *, status: str = "active", **more: Any) -> Any:
        """Create a supply and run its check."""
        made = self.app.ok(201, "POST", "/supplies", {"currency": "ETH", "amount": amount, **more}, user=user)
        self.react("on_supply_created", "supply.created", made["id"])
        seen = self.get(f"/supplies/{made['id']}", user)
        assert seen["status"] == status, seen
        return seen

    def order(self, user: str, price: str = "0.5", quantity: int = 1, **more: Any) -> Any:
        items = [{"product_id": "sku", "product_name": "A thing", "price": price, "quantity": quantity}]
        return self.app.ok(201, "POST", "/orders", {"currency": "ETH", "items": items, **more}, user=user)

    def claim(self, user: str, order_id: str, **more: Any) -> Answer:
        return self.app.call("POST", "/claims", {"order_id": order_id, **more}, user=user)

    def claimed(self, user: str, order_id: str) -> Any:
        answer = self.claim(user, order_id)
        assert answer.status == 201, answer.text
        return answer.body

    def get(self, path: str, user: str, **more: Any) -> Any:
        return self.app.ok(200, "GET", path, user=user, headers=NO_CACHE, **more)

    def envelope(self, kind: str, subject: str) -> Mapping[str, Any]:
        """The newest committed event of a type about a subject."""
        found = [e for e in self.outbox() if e["type"] == kind and e["subject"] == subject]
        assert found, f"no {kind} of {subject}"
        return found[-1]

    def outbox(self) -> list[Mapping[str, Any]]:
        """All events that are published or wait in the outbox."""
        from shared.store import event_rows
        from shared.store.session import Session
        from shared.store.tables import system

        session = Session(resources.database().snapshot())
        rows = session.many(system.OUTBOX.scan())
        waiting = [event.envelope for row in rows for event in event_rows.outgoing(row)]
        seen = {e["id"]: e for _, e in self.published.sent}
        return [*seen.values(), *(one for one in waiting if one["id"] not in seen)]

    def react(self, operation: str, kind: str, subject: str) -> Answer:
        answer = self.app.push(operation, self.envelope(kind, subject))
        assert answer.status == 204, answer.text
        return answer

    def events(self, user: str) -> list[str]:
        return [event["type"] for event in self.get("/events?limit=100", user)["items"]]

    def feed(self, user: str, kind: str) -> Any:
        """The newest event of a type in a user's feed."""
        found = [e for e in self.get("/events?limit=100", user)["items"] if e["type"] == kind]
        assert found, f"no {kind} for {user}"
        return found[-1]

    def dead_letters(self) -> list[Any]:
        from shared.store.session import Session
        from shared.store.tables import system

        rows: list[Any] = Session(resources.database().snapshot()).many(system.DEAD_LETTERS.scan())
        return rows


def figures(supply: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """amount, available, reserved, settled."""
    return supply["amount"], supply["available"], supply["reserved"], supply["settled"]


def same(first: Any, second: Any) -> bool:
    return json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)
