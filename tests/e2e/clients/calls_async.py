"""Make the calls given line by line, and print the result of each: with asyncio."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from web3_wallet_client import AsyncWalletClient, Retries, WalletError, webhooks

RETRIES = Retries(attempts=4, first=0.02, longest=0.1)
ITEM: Any = {"product_id": "a", "product_name": "b", "price": "1", "quantity": 1}


async def made(call: dict[str, Any]) -> Any:
    client = AsyncWalletClient(
        call["url"], token="old", refresh_token=call.get("refresh"), timeout=call.get("timeout", 30.0),
        retries=RETRIES, on_tokens=lambda tokens: kept.append(tokens.refresh_token),
    )  # fmt: skip
    kept: list[str] = []
    match call["call"]:
        case "place":
            order = await client.orders.place(currency="ETH", items=[ITEM], idempotency_key=call.get("key"))
            return order.id
        case "get":
            return (await client.orders.get("ord_1/../x")).id
        case "update":
            return (await client.orders.update("ord_1", note=None, if_match=1)).id
        case "login":
            return (await client.auth.login(email="a@example.com", password="correct horse")).token
        case "many":
            orders = await asyncio.gather(*(client.orders.get("ord_1") for _ in range(5)))
            return [[one.id for one in orders], kept]
        case "list":
            return [one.id async for one in client.orders.list(status="open", limit=2)]
        case "stream":
            async with client.events.stream(types=["order.*"], after=call.get("after")) as stream:
                events = aiter(stream)
                found = [(await anext(events)).data["note"] for _ in range(call["count"])]
                return [found, stream.cursor]
        case "confirmed":
            return (await client.wait.transaction_confirmed("txn_1")).status
        case "sign":
            return webhooks.sign(call["body"], call["secrets"][0], webhook_id="msg_1", now=call["now"])
        case "verify":
            return webhooks.verify(call["body"], call["headers"], call["secrets"], now=call["now"]).type


async def answered(line: str) -> dict[str, Any]:
    try:
        return {"answer": await made(json.loads(line))}
    except WalletError as error:
        return {"error": getattr(error, "code", type(error).__name__)}


for line in sys.stdin:
    print(json.dumps(asyncio.run(answered(line))), flush=True)
