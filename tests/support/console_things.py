"""Fill the console with things in use for people and operators: orders, payments, a policy, a contract, deliveries."""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from emulators.client import Api, wait_for
from tests.support.console import PASSWORD, Site, Tab
from tests.support.inprocess import command

THINGS = {
    "Ceramic mug": "0.02", "Desk lamp": "0.08", "Road map": "0.01", "Wool blanket": "0.12", "Fountain pen": "0.05",
    "Field notes": "0.015", "Garden chair": "0.2", "Espresso beans": "0.03",
}  # fmt: skip


def furnish(site: Site) -> None:
    """Create more things for pictures: orders in each state, and the things of `_more`."""
    owner, claimer = Api(site.url), Api(site.url)
    owner.sign_in(site.owner, PASSWORD)
    claimer.sign_up(f"{uuid.uuid4().hex}@example.com", PASSWORD)
    claimer.expect(201, "POST", "/wallets", {"name": "Payouts", "type": "hd"})
    for place, (name, price) in enumerate(THINGS.items()):
        items = [{"product_id": name, "product_name": name, "price": price, "quantity": 1}]
        order = owner.expect(201, "POST", "/orders", {"currency": "ETH", "items": items})
        if place % 2:
            claim = claimer.expect(201, "POST", "/claims", {"order_id": order["id"]})
            if place % 4 == 1:
                owner.expect(202, "POST", f"/claims/{claim['id']}/process")
        elif place == 0:
            owner.expect(200, "POST", f"/orders/{order['id']}/cancel")
    _more(site, owner)
    wait_for("two more to be paid", lambda: _paid(owner) == 3 or None)
    owner.http.close()
    claimer.http.close()


def _more(site: Site, owner: Api) -> None:
    """Create a policy and its history, a contract, a webhook, and a message that could not be handled."""
    (wallet,) = owner.get("/wallets")["items"]
    for value in ("20000000000000000", "400000000000000000"):
        body = {"wallet_id": wallet["id"], "to": "0x00000000000000000000000000000000000000F1", "value": value}
        owner.expect(202, "POST", "/transactions", body)
    limit = {"asset": "native", "max_per_transaction": str(10**18), "max_per_day": str(3 * 10**18)}
    owner.expect(200, "PUT", f"/wallets/{wallet['id']}/policy", {"limits": [limit]})
    owner.expect(
        201, "POST", "/webhooks", {"url": f"{site.url}/nowhere", "event_types": ["order.*", "claim.*"]}
    )
    coins = [one for one in owner.get("/chains")["items"][0]["currencies"] if one["token_address"]]
    assert coins, "the sandbox has a test coin"
    for coin in coins:
        body = {"name": "Test coin", "address": coin["token_address"], "type": "erc20"}
        owner.expect(201, "POST", "/contracts/import", body)
    dead_letter(site)


def _paid(owner: Api) -> int:
    return len(owner.get("/orders?status=completed")["items"])


def dead_letter(site: Site) -> None:
    """Create a message that could not be handled."""
    data = base64.b64encode(
        json.dumps(command("claim.release", "usr_1", {"claim_id": "clm_none"})).encode()
    ).decode()
    message = {"data": data, "attributes": {"ce-type": "claim.other"}, "messageId": uuid.uuid4().hex}
    push = f"{site.product.url}/push/record_dead_letter?token={site.product.env['PUSH_TOKEN']}"
    body = {"message": message, "subscription": "record_dead_letter.claim-commands"}
    assert httpx.post(push, json=body).status_code == 204


def in_three_pages(tab: Tab, address: str) -> list[str]:
    """A reconciliation in this tab has three pages, two of which name this address; returns the cursors asked for."""
    lacks = {"kind": "chain", "subject": f"local:{address}:native", "message": "the address holds less"}
    lacks |= {"expected": str(2 * 10**18), "found": "0"}
    answers = {"": (100, [lacks], "a"), "a": (100, [], "b"), "b": (1, [lacks], None)}
    asked: list[str] = []

    def answer(route: Any) -> None:
        (cursor,) = parse_qs(urlsplit(route.request.url).query).get("cursor", [""])
        asked.append(cursor)
        names = ("supplies", "differences", "next_cursor")
        route.fulfill(json={"addresses": 1} | dict(zip(names, answers[cursor], strict=True)))

    tab.page.route("**/api/v1/reconciliation*", answer)
    return asked
