"""Many claimers at once: exactly one wins, and all others are refused at low cost."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared import resources
from shared.store.session import Session
from shared.store.tables.claims import CLAIMS
from tests.emulated.desk.world import Desk
from tests.support.proof import figure, size
from tests.support.stores import STORE


def race(desk: Desk, claimers: list[str], order_id: str, threads: int) -> Counter[int]:
    with ThreadPoolExecutor(threads) as pool:
        answers = list(pool.map(lambda user: desk.claim(user, order_id), claimers))
    codes = Counter(answer.status for answer in answers)
    assert {a.code for a in answers if a.status != 201} <= {"ORDER_ALREADY_CLAIMED"}, codes
    return codes


SEEDED_AT_ONCE = 500  # wallets per commit: thousands would exceed a call's deadline
RACES = [(50, 50), (size("RIVALS", 1000), size("THREADS", 64))]


@pytest.mark.parametrize(("rivals", "threads"), RACES)
def test_of_many_claims_at_once_exactly_one_wins(desk: Desk, rivals: int, threads: int) -> None:
    shopper = desk.shopper()
    order = desk.order(shopper)
    claimers = [desk.person("rival") for _ in range(rivals)]
    for start in range(0, rivals, SEEDED_AT_ONCE):
        desk.wallets(claimers[start : start + SEEDED_AT_ONCE])
    began = time.monotonic()
    codes = race(desk, claimers, order["id"], threads)
    text = f"{rivals} callers, {threads} at once: {dict(codes)} in {time.monotonic() - began:.1f} s"
    figure("race", STORE, text)
    assert codes == {201: 1, 409: rivals - 1}
    rows = Session(resources.database().snapshot()).many(CLAIMS.scan())
    assert [row.id for row in rows] == [desk.get(f"/orders/{order['id']}", shopper)["claim_id"]]
