"""HAProxy's configuration: it does from the same catalog what infra/backends.tf configures for the production balancer.

Each region has a front door for its users, because the nearest region depends on where they are. Another front door is
for Pub/Sub's pushes. A request goes to one of these:

    nearest   the caller's region; repeated failures exclude a region for a while; retried in another region
    outside   like nearest, but errors exclude no region, because an outage of a chain affects every region
    leader    the leader's region, or the standby while that is lost; retried only if nothing was sent
    events    like leader, but errors exclude no region
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from emulators.regions.topology import LEADER, READING, STANDBY, nearest
from shared.runtime import operation

CHECK_MILLISECONDS = 1000
EVENTS = "events"

HEAD = """global
    maxconn 4000
    nbthread 1
    stats socket {socket} mode 600 level admin
defaults
    mode http
    log global
    option redispatch 1
    retries 2
    timeout connect 2s
    timeout client 700s
    timeout server 65s
    timeout check 6s
    timeout queue 5s
    timeout http-keep-alive 60s
"""


def configuration(doors: Mapping[str, int], servers: Mapping[tuple[str, str], str], folder: Path) -> str:
    """The text of haproxy.cfg.

    `doors` are the ports by region of the users, and of EVENTS; `servers` are addresses by (door, region). HAProxy
    reads the routes from `folder/routes.map`, which contains the text of `routes`."""
    parts = [HEAD.format(socket=folder / "haproxy.sock")]
    for door, port in doors.items():
        parts += [_events(port)] if door == EVENTS else [_door(door, port, folder / "routes.map")]
        origin = LEADER if door == EVENTS else door
        parts += [_backend(flavour, door, origin, servers) for flavour in _flavours(door)]
    return "\n".join(parts)


def routes(entries: Mapping[str, operation.Operation]) -> str:
    """A line for each route, paths without parameters first: a pattern for `METHOD path`, and where requests go."""
    every = [(route, "chain" in entry.needs) for entry in entries.values() for route in entry.https]
    every.sort(key=lambda pair: ("{" in pair[0].path, pair[0].path))
    return "".join(f"{_line(route, asks_chain)}\n" for route, asks_chain in every)


def _line(route: operation.HttpTrigger, asks_chain: bool) -> str:
    flavour = "leader" if route.writes else "outside" if asks_chain else "nearest"
    fixed = [re.escape(part) for part in re.split(r"\{\w+\}", route.path)]
    method = "(GET|HEAD)" if route.method == "GET" else route.method
    return f"^{method}\\s{'[^/]+'.join(fixed)}$ {flavour}"


def _flavours(door: str) -> tuple[str, ...]:
    return (EVENTS,) if door == EVENTS else ("nearest", "outside", "leader")


def _events(port: int) -> str:
    return f"frontend {EVENTS}\n    bind 127.0.0.1:{port}\n    default_backend {EVENTS}.{EVENTS}\n"


def _door(door: str, port: int, table: Path) -> str:
    return f"""frontend {door}
    bind 127.0.0.1:{port}
    http-request set-var(txn.path) path
    http-request set-var(txn.flavour) method,concat(' ',txn.path),map_reg({table},nearest)
    use_backend %[var(txn.flavour)].{door}
"""


def _backend(flavour: str, door: str, origin: str, servers: Mapping[tuple[str, str], str]) -> str:
    reads = flavour in ("nearest", "outside")
    order = nearest(origin, READING) if reads else [LEADER, STANDBY]
    retried = "conn-failure empty-response" if reads else "conn-failure"
    watched = " observe layer7 error-limit 10 on-error mark-down" if flavour in ("nearest", "leader") else ""
    lines = [
        f"backend {flavour}.{door}",
        f"    retry-on {retried}",
        "    option httpchk GET /serving",
    ]
    for place, region in enumerate(order):
        spare = " backup" if place else ""
        check = f"check inter {CHECK_MILLISECONDS} fall 2 rise 1"
        lines.append(f"    server {region} {servers[door, region]} {check}{watched}{spare}")
    return "\n".join(lines) + "\n"
