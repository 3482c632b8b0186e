"""Calculate the cost of a million orders, line by line: `python -m infra.cost [--check]` writes the tables of
docs/cost.md.

A test counts the quantities on the emulators (usage.json); the catalog defines the deliveries of events; prices.json
contains prices and assumptions. Nothing else enters the result, so a new price is a change of one line.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.rollout import closure

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PAGE = ROOT / "docs" / "cost.md"
MILLION = 1_000_000
GIB, TIB = 2**30, 2**40
MONTH_HOURS, MONTH_SECONDS = 730, 730 * 3600


@dataclass(frozen=True)
class SetUp:
    """A deployment; `spanner` names its prices and capacities in prices.json. `cached`: each region has a cache; there
    is none with a single region or the Terraform variable `cache` = false (infra/catalog.tf)."""

    name: str
    spanner: str
    regions: int
    cached: bool


SET_UPS = (
    SetUp("three regions", "multi", 3, True),
    SetUp("three without caches", "multi", 3, False),
    SetUp("one region", "one", 1, False),
)
IDLE = SET_UPS[::2]  # a cache without requests costs nothing
# The regions that serve reads and writes, by the number of regions.
PLACES = {3: ({"leader", "second", "third"}, {"leader", "standby"}), 1: ({"leader"}, {"leader"})}


@dataclass(frozen=True)
class Line:
    """One line of the bill: the item, its quantity, and its dollars in each set-up."""

    item: str
    quantity: str
    dollars: tuple[float, ...]


def _load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


class Model:
    """Multiplies quantities by prices."""

    def __init__(self) -> None:
        document = _load(HERE / "prices.json")
        self.listed = document["prices"]
        self.price = {name: entry["dollars"] for name, entry in self.listed.items()}
        self.assumed: dict[str, float] = document["assumptions"]
        self.usage = _load(HERE / "usage.json")
        self.operations: dict[str, Any] = _load(ROOT / "schemas" / "catalog.json")["operations"]
        self.events = sum(self.usage["events"].values())

    def deliveries(self) -> tuple[int, int]:
        """The deliveries of one order's events: pushes to functions, and billed deliveries (including those that a
        filter drops). No user has endpoints."""
        takes = [trigger for entry in self.operations.values() for trigger in entry["messages"]]
        pushed = billed = 0
        for kind, count in self.usage["events"].items():
            for trigger in takes:
                if trigger["topic"] == f"{kind.partition('.')[0]}-events":
                    billed += count
                    if {kind, "*"} & set(trigger["types"]) and "ce-wakes" not in trigger["filter"]:
                        pushed += count
        return pushed, billed

    def lines(self) -> list[Line]:
        """The lines for a million orders."""
        each = [self._used(setup) for setup in SET_UPS]
        found = []
        for item, (what, _, _) in each[0].items():
            amounts = dict.fromkeys(
                used[item][1] for used in each
            )  # several values only if the set-ups differ
            dollars = tuple(MILLION * used[item][2] for used in each)
            found.append(Line(item, what.format(" or ".join(amounts)), dollars))
        return found

    def _used(self, setup: SetUp) -> dict[str, tuple[str, str, float]]:
        """What one order uses, as (text, quantity, dollars) by line."""
        use, price, assumed = self.usage, self.price, self.assumed
        pushed, billed = self.deliveries()
        requests, runs = use["requests"], use["requests"] + pushed
        seconds = self._seconds(setup, pushed)
        moved = use["event_bytes"] * (1 + billed / self.events)
        logs = runs * use["log_bytes_per_run"] * assumed["log_successes"] / GIB
        answers = use["answer_bytes"] / GIB
        edge = answers * (price["balancer"] + price["egress"]) + runs * price["armor"]
        compute = price["run_cpu"] + assumed["memory_gib"] * price["run_memory"]
        return {
            "Cloud Run, requests": (
                f"{requests} calls, {{}} pushes",
                f"{pushed}",
                runs * price["run_requests"],
            ),
            "Cloud Run, processor and memory": ("{} vCPU-seconds", f"{seconds:.2f}", seconds * compute),
            **self._database(setup),
            "Pub/Sub": (
                f"{self.events} events, {{}} deliveries billed",
                f"{billed}",
                moved / TIB * price["pubsub"],
            ),
            "Firestore": self._cache(setup),
            "Cloud KMS": ("{} signature", f"{use['signatures']}", use["signatures"] * price["kms"]),
            "Logs": ("{} kB", f"{logs * GIB / 1000:.0f}", logs * price["logging"]),
            "Load balancer, Cloud Armor, internet": ("{} kB of answers", f"{answers * GIB / 1000:.0f}", edge),
        }

    def _seconds(self, setup: SetUp, pushed: int) -> float:
        """The billed seconds of processor and memory: a run's own time and its waits, on an instance that serves
        `overlap` runs at once. The floor includes `tick_chain`. After a commit a write waits for the cache only,
        because its service keeps the processor (infra/trust.tf); others also wait for Pub/Sub."""
        use, assumed = self.usage, self.assumed
        own = (
            use["writes"] * assumed["processor_ms_per_write"]
            + (use["requests"] - use["writes"]) * assumed["processor_ms_per_read"]
            + pushed * assumed["processor_ms_per_push"]
        )
        waits = (
            use["waits_for_reads"] * assumed["spanner_read_ms"]
            + use["waits_for_commits"] * assumed[f"spanner_{setup.spanner}_commit_ms"]
            + (use["waits_for_commits"] - use["writes"]) * assumed["after_commit_ms"]
            + (use["writes"] * assumed["firestore_ms"] if setup.cached else 0)
            + use["cache_reads"] * assumed["firestore_ms" if setup.cached else "spanner_read_ms"]
        )
        return float((own * assumed["processor_times"] + waits) / 1000 / assumed["overlap"])

    def _database(self, setup: SetUp) -> dict[str, tuple[str, str, float]]:
        feeds, kept = (self.usage[name] / 1e9 for name in ("bytes_in_feeds", "bytes_kept"))
        hours, storage = self._node_hours(setup), self.price[f"spanner_{setup.spanner}_storage"]
        nodes = hours * self.price[f"spanner_{setup.spanner}"]
        rows, size = (
            f"{self.usage['rows_written']} rows; {{}} node-hours a million orders",
            "{} kB with indexes",
        )
        return {
            "Spanner, processors": (rows, f"{MILLION * hours:.1f}", nodes),
            "Spanner, feeds, deleted after a month": (size, f"{feeds * 1e6:.0f}", feeds * storage),
            "Spanner, the rest, each month kept": (size, f"{kept * 1e6:.0f}", kept * storage),
        }

    def _cache(self, setup: SetUp) -> tuple[str, str, float]:
        use, price = self.usage, self.price
        if not setup.cached:
            return "{}", "nothing", 0.0
        writes = use["cache_writes"]
        cost = (
            use["cache_reads"] * price["firestore_read"]
            + writes * price["firestore_write"]
            + use["cache_documents"] * price["firestore_delete"]
        )
        return "{}", f"{use['cache_reads']} reads and {writes} writes", cost

    def _node_hours(self, setup: SetUp) -> float:
        """For the rows that an order writes, and those of its GETs that no cache answers. Its other reads are not
        counted."""
        written = self.assumed[f"spanner_{setup.spanner}_rows_per_node_second"]
        read = self.assumed[f"spanner_{setup.spanner}_reads_per_node_second"]
        gets = self.usage["cache_misses" if setup.cached else "cache_reads"]
        seconds = self.usage["rows_written"] / written + gets * self.assumed["rows_of_a_get"] / read
        return float(seconds / self.assumed[f"spanner_{setup.spanner}_cpu_share"] / 3600)

    def floor(self) -> list[Line]:
        """The cost of a month without requests."""
        price, assumed = self.price, self.assumed
        jobs = sum(bool(o["schedules"]) for o in self.operations.values())
        standby = [s.regions > 1 for s in IDLE]  # warm, so that the balancer sees it as healthy
        warm = [
            assumed["warm_readers_per_region"] * s.regions
            + assumed["warm_at_the_leader"]
            + there * assumed["warm_for_failover"]
            for s, there in zip(IDLE, standby, strict=True)
        ]
        idle = tuple(count * self.instance_month() for count in warm)
        running = [assumed["always_on"] + there * assumed["always_on_in_the_standby"] for there in standby]
        always = tuple(count * self.busy_month() for count in running)
        nodes = tuple(
            MONTH_HOURS * price[f"spanner_{s.spanner}"] * assumed[f"spanner_{s.spanner}_smallest"]
            for s in IDLE
        )
        return [
            Line("Spanner, the smallest instance", "a node", nodes),
            Line("Warm instances", f"{warm[0]:.0f} or {warm[1]:.0f} that wait", idle),
            Line("Engine and writers", f"{running[0]:.0f} or {running[1]:.0f} that keep their processor", always),
            Line("Schedules", f"{jobs} jobs, at most in two regions",
                 tuple(min(2, s.regions) * jobs * price["scheduler"] for s in IDLE)),
            Line("Load balancer", "forwarding rules", (price["balancer_rules"],) * 2),
        ]  # fmt: skip

    def instance_month(self) -> float:
        """The dollars of one idle warm instance per month."""
        return float(MONTH_SECONDS * (1 + self.assumed["memory_gib"]) * self.price["run_idle"])

    def busy_month(self) -> float:
        """The dollars of an instance that keeps its processor between requests; `tick_chain` loops on one all the
        time."""
        memory = self.assumed["memory_gib"] * self.price["run_always_memory"]
        return float(MONTH_SECONDS * (self.price["run_always_cpu"] + memory))


def table(lines: list[Line], what: str, setups: Sequence[SetUp]) -> str:
    names = " | ".join(f"{setup.name}, $" for setup in setups)
    rows = [f"| {what} | how much | {names} |", f"|---|---|{'--:|' * len(setups)}"]
    rows += [
        f"| {line.item} | {line.quantity} | {' | '.join(f'{d:,.2f}' for d in line.dollars)} |"
        for line in lines
    ]
    sums = [sum(line.dollars[i] for line in lines) for i in range(len(setups))]
    return "\n".join([*rows, f"| **sum** | | {' | '.join(f'**{d:,.2f}**' for d in sums)} |"])


def granularity(model: Model) -> str:
    """The cost of one warm instance of everything, by the grouping of operations into services."""
    rows = [
        "| `granularity` | services | in three regions | $ a month | in one region | $ a month |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name in closure.SCALES:
        services = closure.services(name)
        cells = [f"`{name}`", f"{len(services)}"]
        for setup in IDLE:
            homes = closure.homes(services, *PLACES[setup.regions])
            places = sum(len(regions) for regions in homes.values())
            cells += [f"{places}", f"{places * model.instance_month():,.0f}"]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def per_order(model: Model) -> str:
    """The dollars per order at several sizes. Spanner's smallest instance also serves the first orders, so the larger
    of floor and use counts for it."""
    names = "".join(f" {setup.name}, $ a month | an order, $ |" for setup in SET_UPS)
    rows = [f"| orders a month |{names}", f"|{'--:|' * (1 + 2 * len(SET_UPS))}"]
    lines, floor = model.lines(), model.floor()
    for orders in (100_000, 1_000_000, 10_000_000, 30_000_000):
        cells = [f"{orders:,}"]
        for i, setup in enumerate(SET_UPS):
            used = {line.item: line.dollars[i] * orders / MILLION for line in lines}
            idle = [one.regions for one in IDLE].index(setup.regions)
            fixed = [line.dollars[idle] for line in floor]
            month = max(used.pop("Spanner, processors"), fixed.pop(0)) + sum(used.values()) + sum(fixed)
            cells += [f"{month:,.0f}", f"{month / orders:.5f}"]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def prices(model: Model) -> str:
    rows = ["| price | $ | read |", "|---|--:|---|"]
    for entry in model.listed.values():
        dollars, unit = entry["dollars"], entry["unit"]
        small, dollars = dollars < 0.001, dollars * (MILLION if dollars < 0.001 else 1)
        rows.append(f"| {'million × ' if small else ''}{unit} | {dollars:.4g} | {entry['read']} |")
    return "\n".join(rows)


def written(text: str) -> str:
    """The page with updated generated parts."""
    model = Model()
    parts = {
        "orders": table(model.lines(), "a million orders", SET_UPS),
        "floor": table(model.floor(), "a month", IDLE),
        "granularity": granularity(model),
        "sizes": per_order(model),
        "prices": prices(model),
    }
    for name, part in parts.items():
        begin, end = f"<!-- {name} -->\n", "<!-- end -->"
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}\n{part}\n\n{end}{rest.partition(end)[2]}"
    return text


def main(arguments: list[str]) -> int:
    old = PAGE.read_text(encoding="utf-8")
    new = written(old)
    if "--check" in arguments:
        sys.stderr.write("" if old == new else "stale: docs/cost.md (run: make cost)\n")
        return int(old != new)
    PAGE.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
