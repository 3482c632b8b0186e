"""The faults, their order, and their repairs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from emulators.regions.topology import LEADER, PLACES, STANDBY
from emulators.regions.world import CACHE, SPANNER, Regions
from tests.drill.pushes import Courier

ELECTION_SECONDS = 3.0  # Spanner without a leader: an assumption, the emulator has none
EUROPE, ASIA = "europe-west1", "asia-east1"


@dataclass(frozen=True, slots=True)
class Phase:
    """`begin` breaks or repairs something; the load then continues for the drill's seconds."""

    name: str
    begin: Callable[[Regions, Courier], Awaitable[None]]
    broken: bool = True


async def _nothing(world: Regions, courier: Courier) -> None:
    pass


async def _lose_europe(world: Regions, courier: Courier) -> None:
    world.kill(EUROPE)


async def _return_of_europe(world: Regions, courier: Courier) -> None:
    world.revive(EUROPE)


async def _lose_leader(world: Regions, courier: Courier) -> None:
    """Stop the region's functions; Spanner elects a leader in the standby's region."""
    world.kill(LEADER)
    await _elect(world, STANDBY)


async def _return_of_leader(world: Regions, courier: Courier) -> None:
    world.revive(LEADER)
    await asyncio.to_thread(world.await_ready, LEADER)
    await _elect(world, LEADER)


async def _elect(world: Regions, leader: str) -> None:
    for region in PLACES:
        world.links.cut(region, SPANNER)
    await asyncio.sleep(ELECTION_SECONDS)
    world.lead_from(leader)
    for region in PLACES:
        world.links.heal(region, SPANNER)


async def _part_asia(world: Regions, courier: Courier) -> None:
    world.links.cut(ASIA, SPANNER)


async def _join_asia(world: Regions, courier: Courier) -> None:
    world.links.heal(ASIA, SPANNER)


async def _hang_cache(world: Regions, courier: Courier) -> None:
    world.links.cut(EUROPE, CACHE)


async def _free_cache(world: Regions, courier: Courier) -> None:
    world.links.heal(EUROPE, CACHE)


async def _careless(world: Regions, courier: Courier) -> None:
    courier.careless = True


async def _careful(world: Regions, courier: Courier) -> None:
    courier.careless = False


PHASES = (
    Phase("all well", _nothing, broken=False),
    Phase("europe-west1 is killed", _lose_europe),
    Phase("europe-west1 is back", _return_of_europe, broken=False),
    Phase("us-central1, where writes are decided, is lost", _lose_leader),
    Phase("us-central1 is back and leads again", _return_of_leader, broken=False),
    Phase("asia-east1 is cut off from Spanner", _part_asia),
    Phase("asia-east1 reaches Spanner again", _join_asia, broken=False),
    Phase("europe-west1's cache hangs", _hang_cache),
    Phase("europe-west1's cache answers again", _free_cache, broken=False),
    Phase("Pub/Sub delivers late and twice", _careless),
    Phase("all well again", _careful, broken=False),
)
PLANS = {"all": PHASES, "leader": (PHASES[0], *PHASES[3:5])}
