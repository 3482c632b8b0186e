"""Place an order, claim it, and have it paid, as a shop and a claimer do over HTTP. Needs only Python.

    python examples/place_and_claim.py http://127.0.0.1:8080

Every POST has an Idempotency-Key. So it is safe to send the same request again if no answer came, or if the answer was
429 or 503: the operation happens once, and the repeated request gets the first answer.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from typing import Any

# The first account of the local node's well-known development mnemonic, worthless elsewhere.
DEVELOPMENT_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
PASSWORD = "correct horse battery staple"
ATTEMPTS = 5
WAIT_SECONDS = 60.0


class ApiError(Exception):
    """A refusal of the API; programs should check its code."""

    def __init__(self, status: int, error: dict[str, Any]) -> None:
        super().__init__(f"{status} {error['code']}: {error['message']} (request {error['request_id']})")
        self.code = error["code"]


class Client:
    """The API as one person uses it."""

    def __init__(self, url: str) -> None:
        self.url, self.headers = f"{url}/api/v1", {"Content-Type": "application/json"}

    def sign_up(self, email: str) -> str:
        """Register, sign in, and return the user's id."""
        person = {"email": email, "password": PASSWORD}
        user = self.post("/auth/register", person)["id"]
        self.headers["Authorization"] = f"Bearer {self.post('/auth/login', person)['token']}"
        return str(user)

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        return self._call("POST", path, body or {}, {"Idempotency-Key": str(uuid.uuid4())})

    def get(self, path: str) -> Any:
        """Read the newest version. Without the header, the answer may be some seconds old."""
        return self._call("GET", path, None, {"Cache-Control": "no-cache"})

    def wait_while(self, path: str, statuses: set[str]) -> Any:
        """The resource as soon as it has none of these statuses. Raises TimeoutError."""
        end = time.monotonic() + WAIT_SECONDS
        while (found := self.get(path))["status"] in statuses:
            if time.monotonic() > end:
                raise TimeoutError(f"{path} is still {found['status']}")
            time.sleep(0.3)
        return found

    def _call(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, self.headers | headers, method=method)
        attempts = 0
        while True:
            attempts += 1
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                if error.code not in (429, 503) or attempts == ATTEMPTS:
                    raise ApiError(error.code, json.load(error)["error"]) from None
                time.sleep(float(error.headers.get("Retry-After", 1)))
            except OSError as error:  # no answer: send the same request again, with the same key
                if attempts == ATTEMPTS:
                    sys.exit(f"no answer from {self.url}: {error}; does the product run?")
                time.sleep(1)


def main(url: str, key: str) -> None:
    run = uuid.uuid4().hex[:8]
    shopper, claimer = Client(url), Client(url)
    user = shopper.sign_up(f"shopper-{run}@example.com")
    claimer.sign_up(f"claimer-{run}@example.com")

    # The shopper commits half an ether of a wallet, and places an order for a part of it.
    shopper.post("/wallets/import", {"name": "till", "private_key": key})
    supply = shopper.post("/supplies", {"currency": "ETH", "amount": "0.5"})
    supply = shopper.wait_while(f"/supplies/{supply['id']}", {"pending"})
    print(f"supply {supply['id']} of {user} is {supply['status']}")
    item = {"product_id": "sku-1", "product_name": "Notebook", "price": "0.1", "quantity": 2}
    order = shopper.post("/orders", {"currency": "ETH", "items": [item]})
    print(f"order {order['id']} of {order['amount']} ETH is {order['status']}")

    # The claimer needs a wallet to receive the payment. An order has at most one claim, and its owner may not claim it.
    claimer.post("/wallets", {"name": "payout", "type": "hd"})
    claim = claimer.post("/claims", {"order_id": order["id"]})
    print(f"claim {claim['id']} is {claim['status']}, until {claim['lease_until']}")
    try:
        shopper.post("/claims", {"order_id": order["id"]})
    except ApiError as error:
        print(f"the shopper may not claim it: {error.code}")

    # The shopper has the claim paid, and waits until the payment is final on chain.
    shopper.post(f"/claims/{claim['id']}/process")
    claim = shopper.wait_while(f"/claims/{claim['id']}", {"claimed", "processing"})
    order = shopper.get(f"/orders/{order['id']}")
    print(f"claim is {claim['status']}, order is {order['status']}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python examples/place_and_claim.py http://127.0.0.1:8080")
    main(sys.argv[1].rstrip("/"), os.environ.get("PRIVATE_KEY", DEVELOPMENT_KEY))
