"""Check what must be true after all faults are repaired. Each check returns its findings; an empty list means
success."""

from __future__ import annotations

import asyncio
from typing import Any

from emulators.regions.topology import READING
from shared import resources
from shared.store.session import Session
from tests.drill.people import SUPPLY, Crowd, Person, units
from tests.emulated.desk.invariants import balanced

PEACE_SECONDS = 180.0


async def all_settled(crowd: Crowd) -> list[str]:
    """Wait until every claim with a requested payment has ended."""
    wanted = [known for known in crowd.history.orders.values() if known.paid]
    deadline = crowd.log.now() + PEACE_SECONDS
    left = wanted
    while left and crowd.log.now() < deadline:
        ends = await asyncio.gather(
            *(_status(crowd, known.owner, f"/claims/{known.paid[1]}") for known in left if known.paid)
        )
        left = [
            known for known, status in zip(left, ends, strict=True) if status not in ("processed", "failed")
        ]
        if left:
            await asyncio.sleep(1.0)
    return [f"claim {known.paid[1]} of {known.order} is not settled" for known in left if known.paid]


async def lost_writes(crowd: Crowd) -> list[str]:
    """Acknowledged orders and claims that are missing, or older than acknowledged."""
    wrong = []
    owners = {person.number: person for person in (*crowd.shoppers, *crowd.claimers)}
    wanted = [(f"/orders/{one.order}", owners[one.owner]) for one in crowd.history.orders.values()]
    wanted += [
        (f"/claims/{claim}", owners[claimer])
        for one in crowd.history.orders.values()
        for claim, _, claimer in one.claims
    ]
    for start in range(0, len(wanted), 32):
        batch = wanted[start : start + 32]
        answers = await asyncio.gather(*(_strong(person, path) for path, person in batch))
        for (path, _), answer in zip(batch, answers, strict=True):
            newest = crowd.history.newest(path) or 0
            if answer.status != 200 or (answer.version or 0) < newest:
                wrong.append(f"{path}: {answer.status}, version {answer.version}, acknowledged {newest}")
    return wrong


async def doubled(crowd: Crowd) -> list[str]:
    """Orders that nobody was told of, payments that came twice or not at all, amounts that do not add up."""
    wrong = []
    for person in crowd.shoppers:
        told = {one.order for one in crowd.history.orders.values() if one.owner == person.number}
        there = await _all_orders(person)
        if there != told and "place" not in crowd.history.unanswered:
            wrong.append(
                f"shopper {person.number}: {len(there - told)} orders more, {len(told - there)} less"
            )
        supply = (await _strong(person, f"/supplies/{person.supply}")).body
        parts = sum(units(supply[part]) for part in ("available", "reserved", "settled"))
        if parts != SUPPLY:
            wrong.append(f"supply {person.supply}: parts sum to {parts}")
    wrong += await _payments(crowd)
    try:
        await asyncio.to_thread(lambda: balanced(Session(resources.database().snapshot())))
    except AssertionError as error:
        wrong.append(f"ledger: {error}")
    return wrong


async def _payments(crowd: Crowd) -> list[str]:
    due: dict[int, int] = {}
    for known in crowd.history.orders.values():
        if known.paid and await _status(crowd, known.owner, f"/claims/{known.paid[1]}") == "processed":
            due[known.paid[0]] = due.get(known.paid[0], 0) + known.amount
    wrong = []
    for person in crowd.claimers:
        paid = int(await crowd.ask_node(person, "eth_getBalance", person.address, "latest"), 16)
        if paid != due.get(person.number, 0) * 10**12:
            wrong.append(f"claimer {person.number}: {paid} wei paid, {due.get(person.number, 0)}·10¹² due")
    return wrong


async def _all_orders(person: Person) -> set[str]:
    found: set[str] = set()
    cursor: str | None = ""
    while cursor is not None:
        path = "/orders?limit=100" + (f"&cursor={cursor}" if cursor else "")
        page: dict[str, Any] = (await _strong(person, path)).body
        found |= {one["id"] for one in page["items"]}
        cursor = page.get("next_cursor")
    return found


async def _strong(person: Person, path: str) -> Any:
    return await person.devices[READING[0]].read(path, kind="check", Cache_Control="no-cache")


async def _status(crowd: Crowd, number: int, path: str) -> str:
    person = next(one for one in crowd.shoppers if one.number == number)
    return str((await _strong(person, path)).body.get("status"))
