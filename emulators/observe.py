"""`make observe`: run Prometheus, and Grafana if it is installed, beside the product until Ctrl-C.

It watches the product that `make run` serves on PORT, or starts one. Prometheus is Debian's package.
"""

from __future__ import annotations

import json
import shutil
import signal
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulators import doctor, monitoring, ports, process, toolkit
from emulators.process import Child
from emulators.product import Product
from emulators.stack import StartError

READY_SECONDS = 30.0
GRAFANA_HOME = Path("/usr/share/grafana")
INSTALL = "on Debian and Ubuntu `sudo apt-get install --no-install-recommends prometheus`."


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running Prometheus."""

    url: str
    child: Child

    def ask(self, query: str) -> list[dict[str, Any]]:
        """The result of an instant query. Raises HTTPError for an invalid query."""
        encoded = urllib.parse.urlencode({"query": query})
        return list(self._get(f"/api/v1/query?{encoded}")["data"]["result"])

    def rules(self) -> list[dict[str, Any]]:
        """The alerting rules with their state and health."""
        return [rule for group in self._get("/api/v1/rules")["data"]["groups"] for rule in group["rules"]]

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return json.load(answer)


def program() -> str:
    """The path of Prometheus' binary. Raises Missing if it is not installed; this command installs nothing."""
    found = shutil.which("prometheus")
    if found is None:
        raise toolkit.Missing(f"Prometheus is not installed: {INSTALL}")
    return found


@contextmanager
def watching(
    target: str,
    folder: Path,
    port: int | None = None,
    *,
    rules: Mapping[str, Any] | None = None,
    seconds: int = monitoring.SCRAPE_SECONDS,
) -> Iterator[Prometheus]:
    """Run Prometheus during the block; it scrapes `target` (host:port) every `seconds`, with our rules or `rules`.

    Raises StartError, Missing."""
    command = program()
    with ports.reserve(port) as (chosen, lock):
        url = f"http://127.0.0.1:{chosen}"
        settings = monitoring.provision(folder, target, url, rules, seconds)
        arguments = [
            *(command, f"--config.file={settings}", f"--storage.tsdb.path={folder / 'data'}"),
            *(f"--web.listen-address=127.0.0.1:{chosen}", "--log.level=warn"),
        ]
        child = process.spawn("prometheus", arguments, folder / "prometheus.log", keep=[lock])
    try:
        _await(f"{url}/-/ready", child)
        yield Prometheus(url, child)
    finally:
        process.stop([child])


@contextmanager
def _grafana(folder: Path) -> Iterator[str]:
    """Run Grafana with our dashboards if it is installed, and yield a text for the user."""
    command = shutil.which("grafana")
    if command is None or not GRAFANA_HOME.is_dir():
        yield f"not installed; its files are in {folder / 'grafana'}"
        return
    with ports.reserve() as (port, lock):
        settings = {
            "paths.data": folder / "grafana" / "data",
            "paths.provisioning": folder / "grafana",
            "server.http_addr": "127.0.0.1",
            "server.http_port": port,
            "auth.anonymous.enabled": "true",
        }
        arguments = [command, "server", "--homepath", str(GRAFANA_HOME)]
        arguments += [f"cfg:{name}={value}" for name, value in settings.items()]
        child = process.spawn("grafana", arguments, folder / "grafana.log", keep=[lock])
    try:
        _await(f"http://127.0.0.1:{port}/api/health", child)
        yield f"http://127.0.0.1:{port}/dashboards"
    finally:
        process.stop([child])


def _await(url: str, child: Child) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not _answers(url):
        if not child.alive or time.monotonic() > deadline:
            raise StartError(f"{child.name} did not become ready:\n{process.tail(child.log)}")
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


@contextmanager
def _product(port: int, workdir: Path) -> Iterator[str]:
    """The base address of the product that already runs on this port, or of one that this starts."""
    url = f"http://127.0.0.1:{port}"
    if _answers(f"{url}/metrics"):
        print(f"watching the product on {url}", flush=True)
        yield url
        return
    print(f"nothing serves {url}: starting the product …", flush=True)
    with Product.start(workdir, port=port) as product:
        yield product.url


def main(arguments: list[str], folder: Path | None = None) -> int:
    """Watch the product until a signal ends the command."""
    folder = (folder or toolkit.ROOT / ".run").resolve() / "observe"
    port = doctor.port()
    program()
    with (
        _product(port, folder.with_name("observed")) as url,
        watching(url.removeprefix("http://"), folder) as prometheus,
        _grafana(folder) as grafana,
    ):
        print(f"\n  API         {url}/api/v1\n  metrics     {url}/metrics", flush=True)
        print(f"  Prometheus  {prometheus.url}/alerts\n  Grafana     {grafana}\n", flush=True)
        print("Ctrl-C stops everything that was started here.", flush=True)
        while prometheus.child.alive:
            signal.sigtimedwait([], 1.0)
    print("Prometheus has stopped; see its log", flush=True)
    return 1
