"""Do the demo's job with the synchronous client: many claim at once, a thread listens. Prints the result as JSON."""

from __future__ import annotations

import json
import os
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

from web3_wallet_client import WalletClient, codes, models

PASSWORD = "correct horse battery staple"
RUN = uuid.uuid4().hex[:12]


def main() -> None:
    with WalletClient() as shopper:
        shopper.sign_up(f"shopper-{RUN}@example.com", PASSWORD)
        seen: list[str] = []
        listener = threading.Thread(target=listen, args=(shopper, seen))
        listener.start()
        shopper.wallets.import_wallet(name="till", private_key=os.environ["WALLET_KEY"])
        supply = shopper.supplies.create(currency="ETH", amount="2")
        shopper.wait.supply_active(supply.id)
        order = shopper.orders.place(currency="ETH", items=json.loads(os.environ["ITEMS"]))
        rivals = [rival(number) for number in range(int(os.environ["CLAIMERS"]))]
        with ThreadPoolExecutor(len(rivals)) as pool:
            results = list(pool.map(lambda one: claimed(one[0], order.id), rivals))
        won = [(one, found) for one, found in zip(rivals, results, strict=True) if found is not None]
        (_, recipient), claim = won[0]
        shopper.claims.process(claim.id)
        done = shopper.wait.claim_processed(claim.id)
        finished = shopper.wait.order_completed(order.id)
        payment = done.settlement.payments[0].transaction_id
        assert payment is not None
        transaction = shopper.wait.transaction_final(payment)
        listener.join()
        after = shopper.supplies.get(supply.id, fresh=True)
        print(json.dumps({
            "order": finished.status, "claim": done.status, "winners": len(won),
            "conflicts": results.count(None), "transaction": transaction.status, "recipient": recipient,
            "supply": {name: getattr(after, name) for name in ("available", "reserved", "settled")},
            "events": seen,
        }))  # fmt: skip


def listen(shopper: WalletClient, seen: list[str]) -> None:
    with shopper.events.stream() as stream:
        for event in stream:
            seen.append(event.type)
            if event.type == "order.completed":
                return


def rival(number: int) -> tuple[WalletClient, str]:
    client = WalletClient()
    client.sign_up(f"rival-{number}-{RUN}@example.com", PASSWORD)
    return client, client.wallets.create(name="payout", type="hd").wallet.address


def claimed(client: WalletClient, order_id: str) -> models.Claim | None:
    try:
        return client.claims.claim_order(order_id=order_id)
    except codes.OrderAlreadyClaimed:
        return None


main()
