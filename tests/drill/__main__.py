"""Run `make drill`: three regions under mixed load, with one fault after the other; then check everything.

    SECONDS=12 RATE=60 SEED=7 make drill

SECONDS is the duration of each phase, RATE the wanted requests per second (the drill prints the actual rate),
PHASES=leader runs only the loss of the leader's region. A complete drill takes three to six minutes; it writes
docs/drill.json, docs/images/drill.svg and its tables into docs/regions.md. Any other drill, or one with DRILL_DIR,
writes drill.json, drill.md and drill.svg into that folder (build). The exit status is 1 if anything was lost, doubled,
too old or inexplicable.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import aiohttp

from emulators import ports, process, toolkit
from emulators.regions import proxy
from emulators.regions.topology import READING
from emulators.regions.world import Regions
from emulators.stack import StartError
from tests.drill import checks, figures, report
from tests.drill.device import Device, Log
from tests.drill.history import History
from tests.drill.people import SUPPLY, Crowd, Person
from tests.drill.plan import PLANS, Phase
from tests.drill.pushes import Courier

SECONDS = float(os.environ.get("SECONDS", "12"))
RATE = float(os.environ.get("RATE", "60"))
SEED = int(os.environ.get("SEED", "7"))
SHOPPERS, CLAIMERS = 6, 12
PLAN = os.environ.get("PHASES", "all")
BUILD = Path(os.environ.get("DRILL_DIR") or toolkit.ROOT / "build")
DOCS = toolkit.ROOT / "docs" if PLAN == "all" and not os.environ.get("DRILL_DIR") else None


def main() -> int:
    """Run the drill on its own regions; returns 0 if every promise held."""
    process.exit_on_signals()
    workdir = toolkit.ROOT / ".run" / f"drill-{os.getpid()}"
    try:
        with ports.reserve() as (courier, _):
            pass
        print("starting three regions …", flush=True)
        with Regions.start(workdir, events=courier, extra={"CLAIM_LEASE_SECONDS": "30"}) as world:
            return asyncio.run(_drill(world, courier))
    except (StartError, toolkit.Missing) as error:
        print(error, file=sys.stderr)
        return 1


async def _drill(world: Regions, port: int) -> int:
    rng, log = Random(SEED), Log()
    courier = Courier(f"http://127.0.0.1:{world.doors[proxy.EVENTS]}", rng)
    runner = await courier.serve(port)
    crowd = Crowd(world, log, History(), rng)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        print(f"{SHOPPERS} shoppers and {CLAIMERS} claimers move in …", flush=True)
        await crowd.settle_in(http, SHOPPERS, CLAIMERS)
        phases = await _load(crowd, courier, PLANS[PLAN])
        print("waiting for what is to be paid, then checking …", flush=True)
        found = await _check(crowd)
    await courier.http.close()
    await runner.cleanup()
    _write(crowd, courier, phases, found)
    return 1 if any(found.values()) else 0


async def _load(crowd: Crowd, courier: Courier, plan: Sequence[Phase]) -> list[figures.PhaseFigures]:
    """Let everybody act on every device while the phases pass."""
    pairs = [
        (person, device)
        for person in (*crowd.shoppers, *crowd.claimers)
        for device in person.devices.values()
    ]
    acting = [asyncio.create_task(_act(crowd, person, device, len(pairs))) for person, device in pairs]
    done = []
    for phase in plan:
        begun = crowd.log.now()
        await phase.begin(crowd.world, courier)
        await asyncio.sleep(SECONDS)
        found = figures.phase(phase.name, phase.broken, begun, crowd.log.now(), crowd.log.attempts)
        done.append(found)
        print(
            f"  {phase.name:48} {found.rate:5.0f}/s, {found.failed:4} failed, "
            f"last after {found.recovered:3.0f} s, p50 {found.p50:4.0f} ms, p99 {found.p99:5.0f} ms",
            flush=True,
        )
    ACTIVE.clear()
    ends = await asyncio.gather(*acting, return_exceptions=True)
    for end in ends:
        if isinstance(end, Exception):
            raise end
    return done


ACTIVE = {"load"}  # emptied when no new actions may begin


async def _act(crowd: Crowd, person: Person, device: Device, devices: int) -> None:
    """Think, act, and repeat. A device never has two calls at once; other devices of its user may call at the same
    time."""
    shopper = person in crowd.shoppers
    while ACTIVE:
        await asyncio.sleep(crowd.rng.expovariate(RATE / devices))
        await (crowd.shop(person, device) if shopper else crowd.work(person, device))


async def _check(crowd: Crowd) -> dict[str, list[str]]:
    unsettled = await checks.all_settled(crowd)
    return {
        "acknowledged writes lost": await checks.lost_writes(crowd),
        "effects doubled, or sums that are wrong": await checks.doubled(crowd),
        "payments that did not end": unsettled,
        "reads older than promised": crowd.history.stale,
        "reads older than Min-Version": crowd.history.behind,
        "histories that no order of the calls explains": crowd.history.impossible(SUPPLY),
        "500s": crowd.log.broken,
    }


def _write(
    crowd: Crowd, courier: Courier, phases: Sequence[figures.PhaseFigures], found: Mapping[str, Sequence[str]]
) -> None:
    calm = [(one.begun, one.ended) for one in phases[:1]]
    every = figures.latencies(crowd.log.attempts, calm)
    calls = sum(len(one.calls) for one in crowd.history.orders.values())
    head = [
        f"{len(crowd.log.attempts)} requests, {len(crowd.history.orders)} orders, {calls} calls about claims, "
        f"{sum(one.paid is not None for one in crowd.history.orders.values())} payments, "
        f"{courier.delivered} pushes and {courier.repeated} more of them twice.",
        f"Oldest read {crowd.history.oldest:.1f} s behind; {len(crowd.history.unanswered)} writes never answered.",
        f"Seed {SEED}; {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}; "
        f"Spanner, Pub/Sub and Firestore emulators, HAProxy, a real node; people near {', '.join(READING)}.",
    ]
    text = report.markdown(head, phases, every, found)
    chart = report.svg(phases, crowd.log.attempts)
    whole = figures.plain(phases, every) | {
        "seed": SEED,
        "found": {name: list(wrong) for name, wrong in found.items()},
    }
    for file, content in _files(text, chart, json.dumps(whole, indent=1) + "\n").items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
        print(f"written: {file}")
    print(f"\n{text}")


def _files(text: str, chart: str, whole: str) -> dict[Path, str]:
    if DOCS is None:
        return {BUILD / "drill.md": text, BUILD / "drill.svg": chart, BUILD / "drill.json": whole}
    page = DOCS / "regions.md"
    chart_shown = "![Requests and failures over the drill](images/drill.svg)"
    dated = f"Last run on {datetime.now(UTC).date()}.\n\n{chart_shown}\n\n{text}"
    return {
        page: report.put_in(page.read_text(encoding="utf-8"), dated),
        DOCS / "images" / "drill.svg": chart,
        DOCS / "drill.json": whole,
    }


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
