"""The parts of the regions on one machine: distances, links that delay and can be cut, the balancer."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulators import ports
from emulators.regions import proxy
from emulators.regions.links import Links
from emulators.regions.topology import LEADER, PLACES, READING, ROUND_TRIPS, STANDBY, WRITING, nearest
from emulators.toolkit import ROOT
from shared.runtime import operation

DELAY = 0.1


@pytest.fixture
def echo() -> Iterator[str]:
    """Run a server that sends back its input; returns its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_serve, args=(server,), daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"


def _serve(server: socket.socket) -> None:
    while True:
        try:
            caller, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_answer, args=(caller,), daemon=True).start()


def _answer(caller: socket.socket) -> None:
    with caller:
        while data := caller.recv(4096):
            caller.sendall(data)


@pytest.fixture
def links(echo: str) -> Links:
    made = Links()
    with ports.reserve() as (port, _):
        made.add("here", "there", port, echo, DELAY)
    return made


def _connect(links: Links) -> socket.socket:
    host, _, port = links.address("here", "there").rpartition(":")
    return socket.create_connection((host, int(port)), timeout=5)


def test_a_link_takes_its_round_trip(links: Links) -> None:
    with _connect(links) as call:
        began = time.monotonic()
        call.sendall(b"x")
        assert call.recv(1) == b"x"
        assert time.monotonic() - began >= DELAY


def test_much_data_passes_in_one_round_trip(links: Links) -> None:
    """The delay is a distance, not a delay of each chunk: 3 MB are 48 chunks, so that each would make 48 delays."""
    size = 3 * 2**20
    with _connect(links) as call:
        began = time.monotonic()
        threading.Thread(target=call.sendall, args=(bytes(size),)).start()
        seen = 0
        while seen < size:
            seen += len(call.recv(2**16))
        assert time.monotonic() - began < 40 * DELAY


def test_a_cut_link_keeps_what_is_under_way_until_it_is_whole(links: Links) -> None:
    with _connect(links) as call:
        call.sendall(b"1")
        assert call.recv(1) == b"1"
        links.cut("here", "there")
        call.sendall(b"2")
        call.settimeout(4 * DELAY)
        with pytest.raises(TimeoutError):
            call.recv(1)
        links.heal("here", "there")
        call.settimeout(5)
        assert call.recv(1) == b"2"


def test_a_link_ends_with_its_end(links: Links) -> None:
    with _connect(links) as call:
        call.shutdown(socket.SHUT_WR)
        assert call.recv(1) == b""


def test_round_trips_are_those_of_the_document() -> None:
    text = (ROOT / "docs/regions.md").read_text()
    rows = re.findall(r"^\| ([\w-]+) and ([\w-]+) \|.*about (\d+) ms", text, re.MULTILINE)
    assert {frozenset(row[:2]): int(row[2]) for row in rows} == ROUND_TRIPS


def test_the_nearest_region_comes_first() -> None:
    assert nearest("asia-east1") == ["asia-east1", "us-central1", "europe-west1"]
    assert nearest(LEADER, WRITING) == [LEADER, STANDBY]


def test_routes_go_where_the_catalog_says() -> None:
    """Each route of the catalog matches its own line first, in the order in which HAProxy reads the map."""
    lines = [line.rsplit(" ", 1) for line in proxy.routes(operation.catalog()).splitlines()]
    for entry in operation.catalog().values():
        for route in entry.https:
            asked = f"{route.method} {re.sub(r'{.*?}', 'x', route.path)}"
            flavour = next(flavour for pattern, flavour in lines if re.search(pattern, asked))
            assert (flavour == "leader") == route.writes, asked
            assert (flavour == "outside") == (not route.writes and "chain" in entry.needs), asked


@pytest.mark.skipif(shutil.which("haproxy") is None, reason="HAProxy is not installed")
def test_haproxy_takes_its_configuration(tmp_path: Path) -> None:
    doors = {**{region: 20_000 + place for place, region in enumerate(READING)}, proxy.EVENTS: 20_010}
    ways = [(door, region) for door in doors for region in PLACES]
    servers = {way: f"127.0.0.1:{21_000 + place}" for place, way in enumerate(ways)}
    (tmp_path / "routes.map").write_text(proxy.routes(operation.catalog()))
    (tmp_path / "haproxy.cfg").write_text(proxy.configuration(doors, servers, tmp_path))
    checked = subprocess.run(
        ["haproxy", "-c", "-f", str(tmp_path / "haproxy.cfg")], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
