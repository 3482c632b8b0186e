"""Do the demo's job with the asynchronous client: many claim at once, a task listens. Prints the result as JSON."""

from __future__ import annotations

import asyncio
import json
import os
import uuid

from web3_wallet_client import AsyncWalletClient, codes, models

PASSWORD = "correct horse battery staple"
RUN = uuid.uuid4().hex[:12]


async def main() -> None:
    async with AsyncWalletClient() as shopper:
        await shopper.sign_up(f"shopper-{RUN}@example.com", PASSWORD)
        listener = asyncio.create_task(listen(shopper))
        await shopper.wallets.import_wallet(name="till", private_key=os.environ["WALLET_KEY"])
        supply = await shopper.supplies.create(currency="ETH", amount="2")
        await shopper.wait.supply_active(supply.id)
        order = await shopper.orders.place(currency="ETH", items=json.loads(os.environ["ITEMS"]))
        rivals = await asyncio.gather(*(rival(number) for number in range(int(os.environ["CLAIMERS"]))))
        results = await asyncio.gather(*(claimed(client, order.id) for client, _ in rivals))
        won = [(one, found) for one, found in zip(rivals, results, strict=True) if found is not None]
        (_, recipient), claim = won[0]
        await shopper.claims.process(claim.id)
        done = await shopper.wait.claim_processed(claim.id)
        finished = await shopper.wait.order_completed(order.id)
        payment = done.settlement.payments[0].transaction_id
        assert payment is not None
        transaction = await shopper.wait.transaction_final(payment)
        after = await shopper.supplies.get(supply.id, fresh=True)
        print(json.dumps({
            "order": finished.status, "claim": done.status, "winners": len(won),
            "conflicts": results.count(None), "transaction": transaction.status, "recipient": recipient,
            "supply": {name: getattr(after, name) for name in ("available", "reserved", "settled")},
            "events": await listener,
        }))  # fmt: skip
        await asyncio.gather(*(client.close() for client, _ in rivals))


async def listen(shopper: AsyncWalletClient) -> list[str]:
    seen: list[str] = []
    async with shopper.events.stream() as stream:
        async for event in stream:
            seen.append(event.type)
            if event.type == "order.completed":
                break
    return seen


async def rival(number: int) -> tuple[AsyncWalletClient, str]:
    client = AsyncWalletClient()
    await client.sign_up(f"rival-{number}-{RUN}@example.com", PASSWORD)
    return client, (await client.wallets.create(name="payout", type="hd")).wallet.address


async def claimed(client: AsyncWalletClient, order_id: str) -> models.Claim | None:
    try:
        return await client.claims.claim_order(order_id=order_id)
    except codes.OrderAlreadyClaimed:
        return None


asyncio.run(main())
