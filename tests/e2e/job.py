"""The demo's job with a client that survives a crash of the server: it repeats calls without an answer."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Self

import httpx
from eth_account import Account

from emulators.client import Api, wait_for
from emulators.demo import ITEMS, PASSWORD
from tests.support.json_rpc import ask

ETHER = 10**18
PAYOUT = 105 * 10**16  # the price of ITEMS in wei


@dataclass
class Node:
    """A direct client of the EVM node."""

    url: str

    def ask(self, method: str, *params: Any) -> Any:
        return ask(self.url, method, *params)

    def balance(self, address: str) -> int:
        return int(self.ask("eth_getBalance", address, "latest"), 16)

    def count(self, address: str, block: str = "latest") -> int:
        """The number of an address's transactions; "pending" includes those in the pool."""
        return int(self.ask("eth_getTransactionCount", address, block), 16)


@dataclass(frozen=True)
class FundedAccount:
    """A fresh key with ten ether, so that nobody else uses its chain nonces."""

    key: str
    address: str

    @classmethod
    def funded(cls, node: Node) -> Self:
        account = Account.create()
        node.ask("anvil_setBalance", account.address, hex(10 * ETHER))
        node.ask("anvil_mine", "0x2")  # the product's confirmation depth
        return cls("0x" + bytes(account.key).hex(), account.address)


@dataclass
class Patient(Api):
    """Repeats a call without an answer, or with 503, under the same Idempotency-Key, for `patience` seconds."""

    patience: float = 30.0
    sent: Callable[[str, str], None] | None = None  # called when a request has been sent, before its answer
    repeated: int = 0

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        key = key or str(uuid.uuid4())
        deadline = time.monotonic() + self.patience
        sent = {"Idempotency-Key": key, **(headers or {})}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"

        def trace(event: str, info: dict[str, Any]) -> None:
            if event == "http11.send_request_body.complete" and self.sent:
                self.sent(method, path)

        while True:
            try:
                url = f"{self.url}/api/v1{path}"
                answer = self.http.request(method, url, json=body, headers=sent, extensions={"trace": trace})
                if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                    return answer
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
            self.repeated += 1
            time.sleep(0.05)


@dataclass
class Job:
    """The job: supply, order, three claims at once, settlement. `reached` fires at each point.

    `seconds` limits the waits for work that the product does by itself, also while it is started again."""

    url: str
    account: FundedAccount
    seconds: float = 60.0
    reached: dict[str, threading.Event] = field(default_factory=dict)
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=20.0))
    supply: dict[str, Any] = field(default_factory=dict)
    order: dict[str, Any] = field(default_factory=dict)
    claim: dict[str, Any] = field(default_factory=dict)
    recipient: str = ""
    repeated: int = 0
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def sign_in(self) -> None:
        """Sign in again: a token is valid for a quarter of an hour."""
        for place, api in enumerate(self.people):
            api.sign_in(f"{place}-{self.run_id}@example.com", PASSWORD)

    def at(self, point: str) -> threading.Event:
        return self.reached.setdefault(point, threading.Event())

    def prepare(self) -> None:
        """Create people and wallets, before anything is killed."""
        self.people = [
            Patient(self.url, http=self.http, sent=self._sent, patience=1.5 * self.seconds) for _ in range(4)
        ]
        self.shopper, *self.rivals = self.people
        run = self.run_id
        with ThreadPoolExecutor(4) as pool:
            everyone = enumerate(self.people)
            list(pool.map(lambda pair: pair[1].sign_up(f"{pair[0]}-{run}@example.com", PASSWORD), everyone))
            body = {"name": "payout", "type": "hd"}
            made = list(pool.map(lambda api: api.expect(201, "POST", "/wallets", body), self.rivals))
        self.addresses = [answer["wallet"]["address"] for answer in made]
        body = {"name": "till", "private_key": self.account.key}
        self.wallet = self.shopper.expect(201, "POST", "/wallets/import", body)["wallet"]["id"]

    def run(self) -> None:
        """Do the job; returns when the claim has ended."""
        body = {"currency": "ETH", "amount": "2", "wallet_id": self.wallet}
        self.supply = self.shopper.expect(201, "POST", "/supplies", body)
        self.at("supply answered").set()
        wait_for(
            "the supply",
            lambda: self._seen("supplies", self.supply)["status"] == "active",
            self.seconds,
            0.05,
        )
        self.order = self.shopper.expect(201, "POST", "/orders", {"currency": "ETH", "items": ITEMS})
        self.at("order answered").set()
        self._race()
        self.shopper.expect(202, "POST", f"/claims/{self.claim['id']}/process")
        self.at("process answered").set()
        ended = ("processed", "failed")
        wait_for("the claim", lambda: self._seen("claims", self.claim)["status"] in ended, self.seconds, 0.05)
        self.repeated = sum(api.repeated for api in self.people)

    def _race(self) -> None:
        with ThreadPoolExecutor(len(self.rivals)) as pool:
            answers = list(pool.map(self._claim, self.rivals))
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409], [a.text for a in answers]
        winner = next(index for index, answer in enumerate(answers) if answer.status_code == 201)
        self.claim, self.recipient = answers[winner].json(), self.addresses[winner]

    def _claim(self, api: Patient) -> httpx.Response:
        answer = api.call("POST", "/claims", {"order_id": self.order["id"]})
        self.at("claim answered").set()
        return answer

    def _seen(self, kind: str, one: dict[str, Any]) -> dict[str, Any]:
        seen: dict[str, Any] = self.shopper.get(f"/{kind}/{one['id']}")
        return seen

    def _sent(self, method: str, path: str) -> None:
        if method == "POST":
            name = "process" if path.endswith("/process") else path.strip("/")
            self.at(f"{name} sent").set()
