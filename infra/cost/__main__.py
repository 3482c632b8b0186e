"""What a million orders cost, line by line: `python -m infra.cost [--check]` writes the tables of docs/cost.md.

Quantities are usage.json, which a test counts on the emulators; which events are delivered to whom is the catalog;
prices and assumptions are prices.json. Nothing else has a part in it, so that another price is one line.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PAGE = ROOT / "docs" / "cost.md"
MILLION = 1_000_000
GIB, TIB = 2**30, 2**40
MONTH_HOURS, MONTH_SECONDS = 730, 730 * 3600


@dataclass(frozen=True)
class Line:
    """One line of the bill: how much of what, and its dollars in two set-ups."""

    item: str
    quantity: str
    multi: float
    one: float


def _load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


class Model:
    """Quantities times prices."""

    def __init__(self) -> None:
        document = _load(HERE / "prices.json")
        self.listed = document["prices"]
        self.price = {name: entry["dollars"] for name, entry in self.listed.items()}
        self.assumed: dict[str, float] = document["assumptions"]
        self.usage = _load(HERE / "usage.json")
        self.matched, self.billed = self._deliveries()

    def _deliveries(self) -> tuple[int, int]:
        """Of one order's events: pushes to functions, and deliveries billed (a filter's misses are billed, too)."""
        operations = _load(ROOT / "schemas" / "catalog.json")["operations"]
        takes = [trigger for entry in operations.values() for trigger in entry["messages"]]
        matched = billed = 0
        for kind, count in self.usage["events"].items():
            topic = f"{kind.partition('.')[0]}-events"
            subscribed = [trigger for trigger in takes if trigger["topic"] == topic]
            billed += count * len(subscribed)
            matched += count * sum(bool({kind, "*"} & set(trigger["types"])) for trigger in subscribed)
        return matched, billed

    def lines(self) -> list[Line]:
        """What a million orders cause."""
        use, price, assumed = self.usage, self.price, self.assumed
        requests, pushes = use["requests"], self.matched
        seconds = (requests * assumed["request_seconds"] + pushes * assumed["delivery_seconds"]) / assumed[
            "overlap"
        ]
        runs = MILLION * (requests + pushes)
        compute = MILLION * seconds * (price["run_cpu"] + assumed["memory_gib"] * price["run_memory"])
        average = use["event_bytes"] / sum(use["events"].values())
        moved = MILLION * (use["event_bytes"] + self.billed * average)
        documents = assumed["cache_documents"]
        cache = MILLION * (
            use["cache_reads"] * price["firestore_read"]
            + use["cache_writes"] * price["firestore_write"]
            + documents * price["firestore_delete"]
        )
        answers = MILLION * requests * assumed["answer_bytes"] / GIB
        logs = runs * assumed["log_bytes_per_run"] / GIB
        rows = use["rows_written"]
        kept, feeds = (
            MILLION * use[name] * assumed["bytes_with_indexes"] / 1e9
            for name in ("bytes_kept", "bytes_in_feeds")
        )
        hours = {name: self._node_hours(name, rows) for name in ("multi", "one")}

        def same(item: str, quantity: str, dollars: float) -> Line:
            return Line(item, quantity, dollars, dollars)

        return [
            same("Cloud Run, requests", f"{requests} calls + {pushes} pushes an order", runs * price["run_requests"]),
            same("Cloud Run, processor and memory", f"{seconds:.2f} vCPU-seconds an order", compute),
            Line("Spanner, processors", f"{rows} rows an order: {hours['multi']:.1f} or {hours['one']:.1f} node-hours",
                 hours["multi"] * price["spanner_multi"], hours["one"] * price["spanner_one"]),
            Line("Spanner, feeds, deleted after a month", f"{feeds:.0f} GB",
                 feeds * price["spanner_multi_storage"], feeds * price["spanner_one_storage"]),
            Line("Spanner, the rest, each month kept", f"{kept:.0f} GB with indexes",
                 kept * price["spanner_multi_storage"], kept * price["spanner_one_storage"]),
            same("Pub/Sub", f"{sum(use['events'].values())} events, {self.billed} deliveries billed an order",
                 moved / TIB * price["pubsub"]),
            same("Firestore", f"{use['cache_reads']} reads, {use['cache_writes']} writes an order", cache),
            same("Cloud KMS", f"{use['signatures']} signature an order", MILLION * use["signatures"] * price["kms"]),
            same("Logs", f"{logs:.1f} GiB", logs * price["logging"]),
            same("Load balancer, Cloud Armor, internet", f"{answers:.1f} GiB of answers",
                 answers * (price["balancer"] + price["egress"]) + MILLION * requests * price["armor"]),
        ]  # fmt: skip

    def _node_hours(self, name: str, rows: int) -> float:
        assumed = self.assumed
        per_second = assumed[f"spanner_{name}_rows_per_node_second"] * assumed[f"spanner_{name}_cpu_share"]
        return MILLION * rows / per_second / 3600

    def floor(self) -> list[Line]:
        """What a month costs when nothing happens."""
        price, assumed = self.price, self.assumed
        warm = assumed["warm_instances"]
        idle = warm * MONTH_SECONDS * (1 + assumed["memory_gib"]) * price["run_idle"]
        busy = price["run_cpu"] + assumed["memory_gib"] * price["run_memory"]
        tick = MONTH_SECONDS * assumed["tick_share_of_a_minute"] * busy
        return [
            Line("Spanner, the smallest instance", "1 node, or 100 processing units",
                 MONTH_HOURS * price["spanner_multi"], MONTH_HOURS * price["spanner_one"] / 10),
            Line("Warm instances", f"{warm:.0f} idle instances, or {warm / 3:.0f}", idle, idle / 3),
            Line("`tick_chain`", "one request that loops, for each chain", tick, tick),
            Line("Schedules", f"{assumed['schedules']:.0f} jobs in two regions, or one",
                 2 * assumed["schedules"] * price["scheduler"], assumed["schedules"] * price["scheduler"]),
            Line("Load balancer", "forwarding rules", price["balancer_rules"], price["balancer_rules"]),
        ]  # fmt: skip


def table(lines: list[Line], what: str) -> str:
    rows = [f"| {what} | how much | three regions, $ | one region, $ |", "|---|---|--:|--:|"]
    rows += [f"| {line.item} | {line.quantity} | {line.multi:,.2f} | {line.one:,.2f} |" for line in lines]
    multi, one = sum(line.multi for line in lines), sum(line.one for line in lines)
    return "\n".join([*rows, f"| **sum** | | **{multi:,.2f}** | **{one:,.2f}** |"])


def per_order(model: Model) -> str:
    """Dollars an order at several sizes: the month's floor is shared by the month's orders.

    Spanner's smallest instance does the first orders' work, so the larger of floor and use counts for it."""
    rows = ["| orders a month | three regions, $ a month | an order, $ | one region, $ a month | an order, $ |",
            "|--:|--:|--:|--:|--:|"]  # fmt: skip
    lines, floor = model.lines(), model.floor()
    for orders in (100_000, 1_000_000, 10_000_000, 30_000_000):
        cells = [f"{orders:,}"]
        for setup in ("multi", "one"):
            used = {line.item: getattr(line, setup) * orders / MILLION for line in lines}
            fixed = [getattr(line, setup) for line in floor]
            nodes = max(used.pop("Spanner, processors"), fixed.pop(0))
            month = nodes + sum(used.values()) + sum(fixed)
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
    """The page with its generated parts made anew."""
    model = Model()
    parts = {
        "orders": table(model.lines(), "a million orders"),
        "floor": table(model.floor(), "a month"),
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
