"""A4: the recipient decides which code runs, and the supplying wallet pays its gas, up to the chain's cap."""

from __future__ import annotations

from shared import resources
from shared.store.session import Session
from shared.store.tables.supplies import FUNDS
from tests.emulated.desk.world import Desk

WRITES_600_SLOTS = "0x6102585b808055600190038060035700"
HONEST = "0x60015f5500"  # writes one


def test_a_payout_that_takes_too_much_gas_starts_nothing_and_is_no_claim_any_more(desk: Desk) -> None:
    shopper, claimer = desk.person("shopper"), desk.claimer()
    desk.supply(shopper, "1", wallet_id=desk.imported(shopper, ether=2))
    order = desk.order(shopper)
    claim = desk.claimed(claimer, order["id"])
    recipient = desk.address(claim["wallet_id"])
    desk.rpc("anvil_setCode", recipient, WRITES_600_SLOTS)
    before = Session(resources.database().snapshot()).many(FUNDS.scan())
    refused = desk.app.call("POST", f"/claims/{claim['id']}/process", user=shopper)
    assert (refused.status, refused.code) == (409, "PAYOUT_TOO_COSTLY"), refused.text
    data = refused.body["error"]["data"]
    assert data["gas"] > 600 * 20_000 and data["cap"] == 150_000
    assert desk.get(f"/claims/{claim['id']}", shopper)["status"] == "claimed"
    assert (
        Session(resources.database().snapshot()).many(FUNDS.scan()) == before and desk.balance(recipient) == 0
    )
    desk.app.ok(200, "POST", f"/claims/{claim['id']}/reject", {"reason": "dear"}, user=shopper)
    again = desk.claim(claimer, order["id"])
    assert (again.status, again.code, again.body["error"]["data"]) == (409, "PAYOUT_TOO_COSTLY", data)
    desk.rpc("anvil_setCode", recipient, "0x")
    other = desk.claimed(desk.claimer(), order["id"])
    account = desk.address(other["wallet_id"])
    desk.rpc("anvil_setCode", account, HONEST)
    desk.process(shopper, other["id"])
    assert desk.drive(other["id"], shopper)["status"] == "processed" and desk.balance(account) > 0
