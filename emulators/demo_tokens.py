"""The demo's second part: an order in a stable coin with 6 decimals, paid on chain. Skipped, with a message, if the
test coin could not be compiled or deployed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from emulators.client import Api, UnexpectedAnswer, wait_until_active
from emulators.sandbox.coin import DECIMALS, SYMBOL

ITEMS: Final = [
    {"product_id": "sku-4", "product_name": "Subscription", "price": "12.345678", "quantity": 1},
    {"product_id": "sku-5", "product_name": "Sticker", "price": "0.000001", "quantity": 2},
]
TOTAL: Final = 12_345_680  # base units
BALANCE_OF: Final = "70a08231"


@dataclass(frozen=True)
class SecondAct:
    """The second part of the demo. `rpc` calls the node; `settle` processes a claim and waits until it is paid."""

    shopper: Api
    rival: Api
    say: Callable[[str], None]
    rpc: Callable[[str, list[Any]], Any]
    settle: Callable[[Api, dict[str, Any]], None]

    def run(self, wallet: str, recipient: str) -> dict[str, Any]:
        """Run the second part and return its summary; `{"skipped": …}` if there is no test coin."""
        token = self._token()
        if token is None:
            self.say(f"second part skipped: the {SYMBOL} coin needs Node.js with solc (make setup)")
            return {"skipped": "no test coin"}
        address = self.shopper.get(f"/wallets/{wallet}")["address"]
        self.shopper.expect(200, "POST", "/sandbox/faucet", {"address": address, "currency": SYMBOL})
        supply = self._supply(wallet)
        order = self.shopper.expect(201, "POST", "/orders", {"currency": SYMBOL, "items": ITEMS})
        self.say(f"second part: order {order['id']} of {order['amount']} {SYMBOL} placed")
        claim = self.rival.expect(201, "POST", "/claims", {"order_id": order["id"]})
        before = self._balance(token, recipient)
        self.settle(self.shopper, claim)
        delta = self._balance(token, recipient) - before
        if delta != TOTAL:
            raise UnexpectedAnswer(f"the claimer got {delta} base units of {SYMBOL}, not {TOTAL}")
        left = self.shopper.get(f"/supplies/{supply}")
        self.say(f"the claimer was paid {order['amount']} {SYMBOL}: {delta} base units, {DECIMALS} decimals")
        return {
            "currency": SYMBOL,
            "amount": order["amount"],
            "recipient_delta": str(delta),
            "supply": {name: left[name] for name in ("available", "reserved", "settled")},
        }

    def _token(self) -> str | None:
        (chain,) = [one for one in self.shopper.get("/chains")["items"] if one["name"] == "local"]
        return next((one["token_address"] for one in chain["currencies"] if one["symbol"] == SYMBOL), None)

    def _supply(self, wallet: str) -> str:
        body = {"currency": SYMBOL, "amount": "100", "wallet_id": wallet}
        made = self.shopper.expect(201, "POST", "/supplies", body)
        wait_until_active(self.shopper, made["id"])
        return str(made["id"])

    def _balance(self, token: str, owner: str) -> int:
        data = f"0x{BALANCE_OF}{owner[2:].lower():0>64}"
        return int(self.rpc("eth_call", [{"to": token, "data": data}, "latest"]), 16)
