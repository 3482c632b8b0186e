"""`make demo`: place an order, let 50 rivals claim it (one wins), and pay it on chain; then another in a stable coin.

Everything goes over HTTP to the running product, except reading balances from the node. The last line of output is one
JSON object. On a failure the demo prints what failed and exits with 1.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from emulators import leftovers, selection, toolkit
from emulators.client import Api, NeverHappened, UnexpectedAnswer, wait_for, wait_until_active
from emulators.demo_tokens import SecondAct
from emulators.product import Product
from emulators.stack import StartError

# The first account of the node's well-known development mnemonic; it is worthless elsewhere.
DEV_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
DEV_ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
PASSWORD = "correct horse battery staple"  # noqa: S105 - of throw-away users
ITEMS = [
    {"product_id": "sku-1", "product_name": "Notebook", "price": "0.25", "quantity": 2},
    {"product_id": "sku-2", "product_name": "Fountain pen", "price": "0.4", "quantity": 1},
    {"product_id": "sku-3", "product_name": "Ink", "price": "0.05", "quantity": 3},
]


@dataclass(frozen=True)
class Made:
    """The ids of the objects that the demo created, and the address that is paid."""

    supply: str
    order: str
    claim: str
    recipient: str


@dataclass
class Demo:
    """The steps of the demo; each prints what it did."""

    url: str
    node: str
    claimers: int
    started: float = field(default_factory=time.monotonic)
    http: httpx.Client = field(
        default_factory=lambda: httpx.Client(timeout=60.0, limits=httpx.Limits(max_connections=64))
    )

    def say(self, text: str) -> None:
        print(f"[{time.monotonic() - self.started:5.1f} s] {text}", flush=True)

    def rpc(self, method: str, params: list[Any]) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return self.http.post(self.node, json=body).json()["result"]

    def balance(self, address: str) -> int:
        return int(self.rpc("eth_getBalance", [address, "latest"]), 16)

    def run(self) -> dict[str, Any]:
        """Run all steps and return the summary."""
        shopper, rivals = self.people()
        wallet, addresses = self.wallets(shopper, rivals)
        supply = self.supply(shopper, wallet)
        order = self.order(shopper)
        winner, claim, conflicts = self.race(rivals, order)
        before = self.balance(addresses[winner]), self.balance(DEV_ADDRESS)
        self.settle(shopper, claim)
        made = Made(supply, order["id"], claim["id"], addresses[winner])
        summary = self.summary(shopper, rivals[winner], made, conflicts, before)
        act = SecondAct(shopper, rivals[winner], self.say, self.rpc, self.settle)
        summary["tokens"] = act.run(wallet, addresses[winner])
        return summary | {"seconds": round(time.monotonic() - self.started, 1)}

    def people(self) -> tuple[Api, list[Api]]:
        shopper = Api(self.url, http=self.http)
        rivals = [Api(self.url, http=self.http) for _ in range(self.claimers)]
        run = f"{time.time_ns():x}"
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda pair: pair[1].sign_up(f"{pair[0]}-{run}@example.com", PASSWORD),
                          enumerate([shopper, *rivals])))  # fmt: skip
        self.say(f"registered a shopper and {len(rivals)} claimers")
        return shopper, rivals

    def wallets(self, shopper: Api, rivals: list[Api]) -> tuple[str, list[str]]:
        imported = shopper.expect(201, "POST", "/wallets/import", {"name": "till", "private_key": DEV_KEY})
        body = {"name": "payout", "type": "hd"}
        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(lambda api: api.expect(201, "POST", "/wallets", body), rivals))
        self.say(
            f"imported the shopper's wallet {imported['wallet']['address']}; {len(made)} HD wallets created"
        )
        return imported["wallet"]["id"], [answer["wallet"]["address"] for answer in made]

    def supply(self, shopper: Api, wallet: str) -> str:
        made = shopper.expect(
            201, "POST", "/supplies", {"currency": "ETH", "amount": "2", "wallet_id": wallet}
        )
        self.say(f"supply {made['id']} of 2 ETH is {made['status']}; waiting for the on-chain check")
        wait_until_active(shopper, made["id"])
        self.say("supply is active")
        return str(made["id"])

    def order(self, shopper: Api) -> dict[str, Any]:
        order: dict[str, Any] = shopper.expect(201, "POST", "/orders", {"currency": "ETH", "items": ITEMS})
        self.say(f"order {order['id']} of {order['amount']} ETH placed")
        return order

    def race(self, rivals: list[Api], order: dict[str, Any]) -> tuple[int, dict[str, Any], int]:
        with ThreadPoolExecutor(len(rivals)) as pool:
            answers = list(
                pool.map(lambda api: api.call("POST", "/claims", {"order_id": order["id"]}), rivals)
            )
        won = [index for index, answer in enumerate(answers) if answer.status_code == 201]
        lost = [answer for answer in answers if answer.status_code == 409]
        odd = [answer.text for answer in answers if answer.status_code not in (201, 409)]
        if len(won) != 1 or odd:
            raise UnexpectedAnswer(f"{len(won)} winners, {len(lost)} conflicts, others: {odd[:3]}")
        self.say(f"{len(rivals)} claimed at once: claimer {won[0] + 1} won, {len(lost)} × 409")
        return won[0], answers[won[0]].json(), len(lost)

    def settle(self, shopper: Api, claim: dict[str, Any]) -> None:
        shopper.expect(202, "POST", f"/claims/{claim['id']}/process")
        self.say("the owner has the claim processed; waiting for the payout to be final on chain")

        def finished() -> dict[str, Any] | None:
            seen: dict[str, Any] = shopper.get(f"/claims/{claim['id']}")
            return seen if seen["status"] in ("processed", "failed") else None

        done = wait_for("the settlement", finished)
        if done["status"] != "processed":
            raise UnexpectedAnswer(f"the claim ended {done['status']}: {done['reason']}")

    def summary(
        self, shopper: Api, winner: Api, made: Made, conflicts: int, before: tuple[int, int]
    ) -> dict[str, Any]:
        paid = shopper.get(f"/claims/{made.claim}")
        order = shopper.get(f"/orders/{made.order}")
        supply = shopper.get(f"/supplies/{made.supply}")
        payment = paid["settlement"]["payments"][0]
        transaction = shopper.get(f"/transactions/{payment['transaction_id']}")
        after = self.balance(made.recipient), self.balance(DEV_ADDRESS)
        seen = {name: self.events(api) for name, api in (("shopper", shopper), ("winner", winner))}
        delta = after[0] - before[0]
        print(f"""
  order        {order["id"]}: {order["status"]}, {order["amount"]} {order["currency"]}
  claim        {paid["id"]}: {paid["status"]}, {conflicts} rivals got 409
  paid by      {transaction["hash"]}, block {transaction["block_number"]}, status {transaction["status"]}
  claimer      {before[0]} → {after[0]} wei (+{delta})
  shopper      {before[1]} → {after[1]} wei ({after[1] - before[1]}, gas included)
  supply       available {supply["available"]}, reserved {supply["reserved"]}, settled {supply["settled"]}
  shopper saw  {" ".join(seen["shopper"])}
  winner saw   {" ".join(seen["winner"])}
""", flush=True)  # fmt: skip
        return {
            "demo": "ok",
            "order_status": order["status"],
            "claimers": self.claimers,
            "winners": 1,
            "conflicts": conflicts,
            "settlement_tx": transaction["hash"],
            "block": transaction["block_number"],
            "supply": {name: supply[name] for name in ("amount", "available", "reserved", "settled")},
            "payout_wei": transaction["value"],
            "recipient_delta_wei": str(delta),
        }

    def events(self, api: Api) -> list[str]:
        return [event["type"] for event in api.get("/events")["items"]]


def check(summary: dict[str, Any]) -> list[str]:
    """The problems of a finished demo; empty if there are none."""
    wanted = {
        "order_status": "completed",
        "conflicts": summary["claimers"] - 1,
        "recipient_delta_wei": summary["payout_wei"],
    }
    wrong = [
        f"{name} is {summary[name]}, not {value}" for name, value in wanted.items() if summary[name] != value
    ]
    if summary["supply"]["reserved"] != "0":
        wrong.append("something is still reserved")
    return wrong


def main(arguments: list[str], folder: Path | None = None) -> int:
    """Start a product, run the demo on it, and return 0 if everything is as expected."""
    parser = argparse.ArgumentParser(prog="python -m emulators demo")
    parser.add_argument("--claimers", type=int, default=50)
    options = parser.parse_args(arguments)
    workdir = (folder or toolkit.ROOT / ".run").resolve() / f"demo-{os.getpid()}"
    sweep(workdir.parent)
    with leftovers.removed(workdir) as left:
        try:
            summary = _on(workdir, options.claimers)
        except (StartError, UnexpectedAnswer, NeverHappened, httpx.HTTPError) as error:
            left.keep = True
            print(f"\ndemo failed: {error}\nsee {workdir}/gateway.log", file=sys.stderr)
            return 1
        wrong = check(summary)
        if wrong:
            left.keep = True
            print("demo failed: " + "; ".join(wrong), file=sys.stderr)
            return 1
    print(json.dumps(summary))
    return 0


def sweep(folder: Path) -> None:
    """Remove the folders of demos whose processes have ended: killed ones, and failed ones."""
    for left in folder.glob("demo-*"):
        try:
            os.kill(int(left.name.removeprefix("demo-")), 0)
        except (ProcessLookupError, ValueError):
            shutil.rmtree(left, ignore_errors=True)
        except PermissionError:  # a process of another user has this id: perhaps their demo
            continue


def _on(workdir: Path, claimers: int) -> dict[str, Any]:
    print("starting emulators and node …", flush=True)
    with Product.start(workdir) as product:
        print("\n".join(selection.summary(product.stack.chosen)))
        print(f"up at {product.url}", flush=True)
        steps = Demo(product.url, product.env["RPC_URL"], claimers)
        with steps.http:
            return steps.run()
