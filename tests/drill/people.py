"""Shoppers and claimers, each with a device near every region, and their actions."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random
from typing import Any, cast

from eth_account import Account

from emulators.regions.topology import READING
from emulators.regions.world import Regions
from tests.drill.device import Answer, Device, Log
from tests.drill.history import History, Known
from tests.model.claims import ClaimCall, Kind
from tests.model.linearizability import Call

PASSWORD = "correct horse battery staple"  # of throw-away users
SUPPLY = 40_000_000  # in 10⁻⁶ ether
LIVE_CLAIMS = 3  # maximum for a claimer
RECENT = 60  # claimers choose among these orders


@dataclass(slots=True)
class Person:
    """A user. A shopper pays from `address`; a claimer is paid to it."""

    number: int
    devices: dict[str, Device]
    address: str = ""
    supply: str = ""
    own: deque[str] = field(default_factory=lambda: deque(maxlen=40))  # orders of a shopper
    held: list[tuple[str, str, int]] = field(default_factory=list)  # order, claim, epoch of a claimer


@dataclass(slots=True)
class Crowd:
    """All people, and their knowledge."""

    world: Regions
    log: Log
    history: History
    rng: Random
    shoppers: list[Person] = field(default_factory=list)
    claimers: list[Person] = field(default_factory=list)
    recent: deque[str] = field(default_factory=lambda: deque(maxlen=RECENT))

    async def settle_in(self, http: Any, shoppers: int, claimers: int) -> None:
        """Register everybody, fund the shoppers' wallets, commit a supply for each."""
        for number in range(shoppers + claimers):
            devices = {door: Device(door, self.world.url(door), self.log, http) for door in READING}
            person = Person(number, devices)
            await self._sign_up(person)
            if number < shoppers:
                await self._open_till(person)
                self.shoppers.append(person)
            else:
                made = await self._write(person, "/wallets", {"name": "payout", "type": "hd"})
                person.address = made["wallet"]["address"]
                self.claimers.append(person)
        await asyncio.gather(*(self._active(one) for one in self.shoppers))

    async def _sign_up(self, person: Person) -> None:
        body = {"email": f"drill-{person.number}-{self.rng.random()}@example.com", "password": PASSWORD}
        await self._write(person, "/auth/register", body)
        token = (await self._write(person, "/auth/login", body))["token"]
        for device in person.devices.values():
            device.token = token

    async def _open_till(self, person: Person) -> None:
        key = Account.create()
        await self.ask_node(person, "anvil_setBalance", key.address, hex(10**21))
        await self.ask_node(person, "anvil_mine", "0x3")  # the product's confirmation depth
        body = {"name": "till", "private_key": "0x" + bytes(key.key).hex()}
        wallet = (await self._write(person, "/wallets/import", body))["wallet"]
        person.address = wallet["address"]
        body = {"currency": "ETH", "amount": str(SUPPLY // 10**6), "wallet_id": wallet["id"]}
        person.supply = (await self._write(person, "/supplies", body))["id"]

    async def ask_node(self, person: Person, method: str, *params: Any) -> Any:
        """Send a request to the node, over the person's connection."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        async with person.devices[READING[0]].http.post(self.world.stack.env["RPC_URL"], json=body) as answer:
            return (await answer.json())["result"]

    async def _active(self, person: Person) -> None:
        for _ in range(120):
            answer = await person.devices[READING[0]].read(
                f"/supplies/{person.supply}", Cache_Control="no-cache"
            )
            if answer.body.get("status") == "active":
                return
            await asyncio.sleep(0.5)
        raise RuntimeError(f"the supply did not become active: {answer.body}")

    async def _write(self, person: Person, path: str, body: Any) -> dict[str, Any]:
        answer = await person.devices[READING[0]].write("POST", path, body, kind="setup")
        if answer.status not in (200, 201):
            raise RuntimeError(f"POST {path}: {answer.status} {answer.body}")
        return answer.body

    async def shop(self, person: Person, device: Device) -> None:
        """Do one action of a shopper."""
        known = [self.history.orders[one] for one in person.own]
        open_ones = [one for one in known if not one.ended]
        (what,) = self.rng.choices(["place", "order", "fresh", "supply", "list", "cancel", "pay"], WEIGHTS)
        if what == "place" or not known:
            await self._place(person, device)
        elif what == "order":
            await self._look(device, f"/orders/{self.rng.choice(known).order}")
        elif what == "fresh":
            path = f"/orders/{self.rng.choice(known).order}"
            await self._look(device, path, self.history.newest(path))
        elif what == "supply":
            await self._supply(person, device)
        elif what == "list":
            await device.read("/orders?limit=20", kind="list")
        elif what == "cancel" and open_ones:
            await self._cancel(person, device, self.rng.choice(open_ones))
        elif open_ones:
            await self._pay(person, device, self.rng.choice(open_ones))

    async def work(self, person: Person, device: Device) -> None:
        """Do one action of a claimer."""
        chance = self.rng.random()
        if person.held and chance < 0.6:
            _, claim, _ = self.rng.choice(person.held)
            await self._look(device, f"/claims/{claim}")
        elif person.held and (chance < 0.75 or len(person.held) >= LIVE_CLAIMS):
            held = self.rng.choice(person.held)
            await self._held(person, device, "release" if chance < 0.68 else "heartbeat", held)
        elif self.recent:
            await self._claim(person, device, self.history.orders[self.rng.choice(self.recent)])

    async def _place(self, person: Person, device: Device) -> None:
        amount = self.rng.randint(10_000, 900_000)
        price = f"0.{amount:06}"
        items = [{"product_id": "sku-1", "product_name": "Notebook", "price": price, "quantity": 1}]
        answer = await device.write("POST", "/orders", {"currency": "ETH", "items": items})
        if answer.status in (0, 201) or answer.code == "INSUFFICIENT_SUPPLY":
            self.history.reserved(person.number, "place", amount, answer)
        if answer.status == 201:
            order = answer.body["id"]
            self.history.orders[order] = Known(order, person.number, amount)
            self.history.knows(f"/orders/{order}", answer)
            person.own.append(order)
            self.recent.append(order)
        elif answer.status == 0:
            self.history.unanswered.append("place")

    async def _look(self, device: Device, path: str, least: int | None = None) -> None:
        headers = {"Min_Version": str(least)} if least is not None else {}
        self.history.saw(path, await device.read(path, **headers), least)

    async def _supply(self, person: Person, device: Device) -> None:
        answer = await device.read(f"/supplies/{person.supply}", kind="strong", Cache_Control="no-cache")
        if answer.status == 200:
            self.history.reserved(person.number, "read", units(answer.body["available"]), answer)

    async def _cancel(self, person: Person, device: Device, known: Known) -> None:
        known.ended = True
        answer = await device.write("POST", f"/orders/{known.order}/cancel")
        if answer.status == 200:
            self.history.reserved(person.number, "cancel", known.amount, answer)
            self.history.knows(f"/orders/{known.order}", answer)
        elif answer.status == 0:
            self.history.reserved(person.number, "cancel", known.amount, answer)
            self.history.unanswered.append("cancel")
        else:
            known.ended = False
        if answer.status in (0, 200) and known.order in self.recent:
            self.recent.remove(known.order)

    async def _pay(self, person: Person, device: Device, known: Known) -> None:
        if not known.claims:
            return
        claim, epoch, claimer = known.claims[-1]
        answer = await self._ask(person, device, known, "process", (claim, epoch))
        if answer.status == 202:
            known.ended, known.paid = True, (claimer, claim)

    async def _held(self, person: Person, device: Device, kind: Kind, held: tuple[str, str, int]) -> None:
        order, claim, epoch = held
        answer = await self._ask(person, device, self.history.orders[order], kind, (claim, epoch))
        if (kind == "release" or answer.status >= 400) and held in person.held:
            person.held.remove(held)

    async def _claim(self, person: Person, device: Device, known: Known) -> None:
        answer = await self._ask(person, device, known, "claim")
        if answer.status in (200, 201):
            claim, epoch = answer.body["id"], answer.body["epoch"]
            if (claim, epoch, person.number) not in known.claims:
                known.claims.append((claim, epoch, person.number))
            if (known.order, claim, epoch) not in person.held:
                person.held.append((known.order, claim, epoch))
            self.history.knows(f"/claims/{claim}", answer)

    async def _ask(
        self,
        person: Person,
        device: Device,
        known: Known,
        kind: Kind,
        claim: tuple[str, int] | None = None,  # with its epoch
    ) -> Answer:
        identity, epoch = claim or (None, None)
        if identity is None:
            answer = await device.write("POST", "/claims", {"order_id": known.order})
        else:
            answer = await device.write("POST", f"/claims/{identity}/{kind}", {"epoch": epoch})
        accepted = answer.status in (200, 201, 202)
        if answer.status == 0 or accepted or answer.code in EXPLAINED[kind]:
            call = ClaimCall(
                kind,
                str(person.number),
                identity,
                epoch,
                answer.earliest,
                answer.latest,
                answer.status,
                answer.code,
            )
            ended = answer.ended if answer.status else None
            known.calls.append(Call(answer.begun, ended, _answered(call, answer) if accepted else call))
        if answer.status == 0:
            self.history.unanswered.append(kind)
        return answer


# place, order, fresh, supply, list, cancel, pay
WEIGHTS = (8, 40, 14, 8, 8, 3, 3)
# Refusals that the model of claims knows. Cancelled or paid orders refuse a claim with other codes.
_HOLDER = ("LEASE_LOST", "INVALID_STATE")
EXPLAINED: dict[Kind, tuple[str, ...]] = {
    "claim": ("ORDER_ALREADY_CLAIMED",),
    "heartbeat": _HOLDER,
    "release": _HOLDER,
    "process": _HOLDER,
}


def _answered(call: ClaimCall, answer: Answer) -> ClaimCall:
    body = answer.body
    lease = datetime.fromisoformat(cast(str, body["lease_until"])) if body.get("lease_until") else None
    return replace(
        call, got=body["id"] if call.kind == "claim" else None, got_epoch=body["epoch"], lease=lease
    )


def units(amount: str) -> int:
    whole, _, part = amount.partition(".")
    return int(whole) * 10**6 + int(part.ljust(6, "0")[:6] or 0)
