"""A shop and a claimer with the Python client: an order is found by the shop's own metadata, claimed and paid.

WALLET_URL=http://127.0.0.1:8080 python examples/clients/shop.py
"""

from __future__ import annotations

import os
import uuid

from web3_wallet_client import WalletClient, codes

# The first account of the local node's well-known development mnemonic, worthless elsewhere.
DEVELOPMENT_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
PASSWORD = "correct horse battery staple"


def signed_up(name: str) -> WalletClient:
    client = WalletClient()  # at WALLET_URL
    client.sign_up(f"{name}-{uuid.uuid4().hex[:12]}@example.com", PASSWORD)
    return client


def main() -> None:
    with signed_up("shop") as shop, signed_up("claimer") as claimer:
        shop.wallets.import_wallet(name="till", private_key=os.environ.get("PRIVATE_KEY", DEVELOPMENT_KEY))
        supply = shop.supplies.create(currency="ETH", amount="0.5")
        shop.wait.supply_active(supply.id)
        order = shop.orders.place(
            currency="ETH",
            items=[{"product_id": "sku-1", "product_name": "Notebook", "price": "0.1", "quantity": 2}],
            metadata={"invoice": "4711"},
        )
        shop.orders.update(order.id, metadata={"invoice": "4711", "state": "offered"})
        found = [one.id for one in shop.orders.list(metadata="state:offered")]
        print("found by its metadata:", found == [order.id])
        try:
            shop.claims.claim_order(order_id=order.id)
        except codes.OwnOrder as refused:
            print("the shop may not claim it:", refused.code)
        claimer.wallets.create(name="payout", type="hd")
        claim = claimer.claims.claim_order(order_id=order.id)
        shop.claims.process(claim.id)
        with shop.events.stream(types=["order.completed"]) as events:
            print("event:", next(iter(events)).type)
        print("paid:", claimer.wait.claim_processed(claim.id).settlement.status)


if __name__ == "__main__":
    main()
