"""The console with 100,000 orders: from the navigation to the rows of the list, and from a key press to the next rows.

It uses the embedded store and a browser on this machine; it measures nothing without Debian's chromium.
"""

from __future__ import annotations

import gzip
import os
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from emulators import seed
from emulators.product import Product
from shared.store.sqlite import database as sqlite
from tests.bench import desk_lists
from tests.support.bench import Bench
from tests.support.browser import CHROMIUM, browser
from tests.support.console import BUNDLE, OPERATOR, PASSWORD, Site, Tab

ROUNDS = 9
SECONDS = 1.0  # limit for showing the list
BYTES = 150_000  # limit for the whole console, compressed
NUMBERS = """(WITH RECURSIVE numbers(number) AS
  (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number + 1 < :count) SELECT number FROM numbers)"""
NEW_ID = (
    "'ord_' || replace(replace(replace(replace(lower(hex(randomblob(12))), 0, 'g'), 1, 'h'), 8, 'i'), 9, 'j')"
)
EARLIER = "created_at - 700000 * number"  # microseconds
LISTED = """new MutationObserver((_, self) => {
  if (!document.querySelector("tbody tr")) return;
  self.disconnect();
  requestAnimationFrame(() => { window.listed = performance.now(); });
}).observe(document, {subtree: true, childList: true});"""
NEXT = """key => new Promise(done => {
  const first = () => document.querySelector("tbody a.title").href;
  const before = first(), began = performance.now();
  new MutationObserver((_, self) => {
    if (!document.querySelector("tbody tr") || first() === before) return;
    self.disconnect();
    requestAnimationFrame(() => done(performance.now() - began));
  }).observe(document.querySelector("main"), {subtree: true, childList: true, attributes: true});
  document.body.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
})"""


@contextmanager
def product(_: str) -> Iterator[Bench]:
    """The product as `make run` starts it, with as many orders as the list of the desk's benchmark."""
    os.environ["STORE"] = "embedded"  # even if the emulators are installed
    with tempfile.TemporaryDirectory(prefix="bench-console-") as folder:
        os.environ["EMBEDDED_FILE"] = str(Path(folder) / "store.sqlite")
        with Product.start(Path(folder)) as running, browser() as found:
            os.environ.update(running.env)
            seed.operator(OPERATOR, PASSWORD)
            _orders("usr_long", desk_lists.LONG)
            yield ConsoleBench(site=Site(f"http://localhost:{running.port}", found, running))


def _orders(user: str, count: int) -> None:
    """Create one order with the product's own code and copy the rest in the file: creating each takes minutes."""
    desk_lists.seed(user, 1)
    file = sqlite.connect(Path(os.environ["EMBEDDED_FILE"])).file
    with file.writing() as connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(orders)")]  # not generated ones
        copied = {"order_id": NEW_ID, "created_at": EARLIER, "updated_at": EARLIER}
        values = ", ".join(copied.get(name, name) for name in names)
        wanted = f"SELECT {values} FROM orders, {NUMBERS} WHERE user_id = :user"  # noqa: S608 - the schema's names
        insert = f"INSERT INTO orders ({', '.join(names)}) {wanted}"
        connection.execute(insert, {"count": count, "user": user})
        connection.execute(
            """INSERT INTO order_items SELECT orders.order_id, line, product_id, product_name, price, quantity, total
            FROM order_items JOIN orders WHERE orders.user_id = :user ON CONFLICT DO NOTHING""",
            {"user": user},
        )
    file.close()


class ConsoleBench(Bench):
    def __init__(self, site: Site) -> None:
        super().__init__()
        self.site = site


def run(bench: ConsoleBench) -> None:
    if CHROMIUM is None or not BUNDLE.exists():
        print("  not measured: there is no chromium, or no bundle")
        return
    sizes = {name: len(gzip.compress((BUNDLE / name).read_bytes())) for name in ("console.js", "console.css")}
    bench.figure("script and style, compressed", sum(sizes.values()) / 1000, "kB")
    bench.limit("  of what they may have", sum(sizes.values()) / BYTES, 1.0)
    tab = bench.site.operator()
    tab.page.add_init_script(LISTED)
    listed = [_listed(tab) for _ in range(ROUNDS)]
    shown = f"from the navigation to the list of {desk_lists.LONG:,} orders, median of {ROUNDS}"
    bench.median(shown, [one * 1000 for one in listed], "ms")
    bench.figure("  the slowest", max(listed) * 1000, "ms")
    bench.limit("  of the second that it may take", statistics.median(listed) / SECONDS, 1.0)
    turned = [tab.page.evaluate(NEXT, "n") / 1000 for _ in range(ROUNDS)]
    bench.median("from the key to the next page", [one * 1000 for one in turned], "ms")
    bench.limit("  of the second that it may take", statistics.median(turned) / SECONDS, 1.0)


def _listed(tab: Tab) -> float:
    """Seconds of one load by a person who is signed in, with nothing of the page in the browser's cache."""
    client: Any = tab.page.context.new_cdp_session(tab.page)
    client.send("Network.setCacheDisabled", {"cacheDisabled": True})
    tab.page.goto("about:blank")
    tab.page.goto(f"{tab.url}/console#/orders")
    tab.page.wait_for_function("() => window.listed")
    return float(tab.page.evaluate("window.listed")) / 1000
