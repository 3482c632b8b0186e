"""Make the calls given line by line, and print the result of each: synchronously, with threads."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from web3_wallet_client import Retries, WalletClient, WalletError, webhooks

RETRIES = Retries(attempts=4, first=0.02, longest=0.1)
ITEM: Any = {"product_id": "a", "product_name": "b", "price": "1", "quantity": 1}


def made(call: dict[str, Any]) -> Any:
    client = WalletClient(
        call["url"], token="old", refresh_token=call.get("refresh"), timeout=call.get("timeout", 30.0),
        retries=RETRIES, on_tokens=lambda tokens: kept.append(tokens.refresh_token),
    )  # fmt: skip
    kept: list[str] = []
    match call["call"]:
        case "place":
            return client.orders.place(currency="ETH", items=[ITEM], idempotency_key=call.get("key")).id
        case "get":
            return client.orders.get("ord_1/../x").id
        case "update":
            return client.orders.update("ord_1", note=None, if_match=1).id
        case "login":
            return client.auth.login(email="a@example.com", password="correct horse").token
        case "many":
            with ThreadPoolExecutor(5) as pool:
                ids = list(pool.map(lambda _: client.orders.get("ord_1").id, range(5)))
            return [ids, kept]
        case "list":
            return [one.id for one in client.orders.list(status="open", limit=2)]
        case "stream":
            with client.events.stream(types=["order.*"], after=call.get("after")) as stream:
                found = [next(iter(stream)).data["note"] for _ in range(call["count"])]
                return [found, stream.cursor]
        case "confirmed":
            return client.wait.transaction_confirmed("txn_1").status
        case "sign":
            return webhooks.sign(call["body"], call["secrets"][0], webhook_id="msg_1", now=call["now"])
        case "verify":
            return webhooks.verify(call["body"], call["headers"], call["secrets"], now=call["now"]).type


for line in sys.stdin:
    try:
        answer = {"answer": made(json.loads(line))}
    except WalletError as error:
        answer = {"error": getattr(error, "code", type(error).__name__)}
    print(json.dumps(answer), flush=True)
