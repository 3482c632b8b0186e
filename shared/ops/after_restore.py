"""Find payments that a restored database has forgotten: `python -m shared.ops.after_restore look | pause | payments |
release`.

A database restored from before some payments does not know that they were made, and would make them again. The chain
knows: an address has forgotten transactions if it has sent more than the database has assigned nonces for. `pause`
stops each such address (LanePaused, `RESTORED`); only `release` lets it continue, after a person has brought its
claims up to date. `payments` lists what each stopped address has sent, and the claim that it probably paid. Run
`pause` before anything that signs is started on the restored database (docs/operations.md).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared import resources
from shared.chain.errors import ChainError
from shared.chain.types import Nonces
from shared.domain.errors import NotFound, Refusal
from shared.domain.transactions import lanes
from shared.engine.chain_view import ChainView
from shared.ops import command_line, unknown_payments
from shared.store.session import Session
from shared.store.tables.transactions import LANES, LANES_PAUSED
from shared.store.tables.wallets import WALLETS
from shared.store.unit_of_work import UnitOfWork
from shared.telemetry import logs
from shared.writes.commit import commit

RESTORED: Final = "RESTORED"
AT_ONCE = 100  # addresses in one request to a node
SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Forgotten:
    """An address for which the chain has more transactions, mined or pending, than the database (`known`)."""

    chain: str
    address: str
    known: int
    counts: Nonces

    @property
    def lane(self) -> str:
        return lanes.lane_id(self.chain, self.address)

    @property
    def sent(self) -> int:
        return max(self.counts.latest, self.counts.pending)


def look() -> list[Forgotten]:
    """List every address that has sent more than the database knows. Raises ChainError if a chain does not answer."""
    session = Session(resources.database().snapshot())
    addresses: dict[str, set[str]] = {}
    for wallet in session.many(WALLETS.scan()):
        addresses.setdefault(wallet.chain, set()).add(wallet.address)
    return [
        one for chain, found in sorted(addresses.items()) for one in _ahead(session, chain, sorted(found))
    ]


def _ahead(session: Session, chain: str, addresses: Sequence[str]) -> Iterator[Forgotten]:
    view = ChainView(resources.chain(chain))
    for start in range(0, len(addresses), AT_ONCE):
        part = addresses[start : start + AT_ONCE]
        known = {
            lane.id: lane.next_nonce
            for lane in session.many(LANES.get_many([(lanes.lane_id(chain, a),) for a in part]))
        }
        for address, counts in zip(part, view.client.nonces(part, view.finalized), strict=True):
            one = Forgotten(chain, address, known.get(lanes.lane_id(chain, address), 0), counts)
            if one.sent > one.known:
                yield one


def pause(found: Sequence[Forgotten]) -> None:
    """Stop these addresses; an address without a lane gets one."""
    for one in found:
        _as_system(_pause, one)


def _pause(unit: UnitOfWork, one: Forgotten) -> None:
    lane = unit.maybe(LANES.find(one.lane))
    if lane is None:
        counts = one.counts
        lane = lanes.open_lane(
            one.chain,
            one.address,
            latest=counts.latest,
            pending=counts.pending,
            finalized=counts.finalized,
            now=unit.now,
        )
    unit.write(lanes.pause(lane, RESTORED, unit.now))


def payments() -> Iterator[str]:
    """One line for each final transaction of a stopped address that has no row here. Raises ChainError."""
    session = Session(resources.database().snapshot())
    for entry in session.many(LANES_PAUSED.scan(RESTORED)):
        (lane,) = session.many(LANES.get_many([(entry["id"],)]))
        for one in unknown_payments.of_lane(session, lane):
            paid = " or ".join(unknown_payments.claims_of(session, one)) or "no claim that waits here"
            yield f"{lane.id} nonce {one.nonce}: {one.hash} pays {paid}"


def release(lane_id: str) -> str:
    """Let an address continue; returns the result as text. An address that is paused for another reason stays paused.
    Raises NotFound for an unknown lane."""
    return str(_as_system(_release, lane_id))


def _release(unit: UnitOfWork, lane_id: str) -> str:
    lane = unit.maybe(LANES.find(lane_id))
    if lane is None:
        raise NotFound(
            "No address has this name here: it is <chain>:<address in lower case>, as `payments` says it."
        )
    if lane.paused_reason == RESTORED:
        unit.write(lanes.resume(lane, unit.now))
        return "goes on"
    return f"was not stopped by `pause`: {lane.paused_reason or 'it is not paused'}"


def _as_system(body: Any, argument: Any) -> Any:
    with command_line.as_system("after_restore", SECONDS):
        return commit(body, argument)


def main(arguments: list[str]) -> int:
    """Run the command. `look` and `pause` return 1 if something is forgotten."""
    parser = argparse.ArgumentParser(prog="python -m shared.ops.after_restore")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("look", help="list the addresses that have sent more than the database knows")
    commands.add_parser("pause", help="the same, and stop each of them")
    commands.add_parser(
        "payments", help="what stopped addresses have sent, and which claims that seems to pay"
    )
    commands.add_parser("release", help="let one go on").add_argument("lane", help="<chain>:<address>")
    options = parser.parse_args(arguments)
    logs.configure()
    try:
        return _done(options)
    except Refusal as refused:
        sys.stderr.write(f"{refused.code}: {refused.text}\n")
    except ChainError as error:
        sys.stderr.write(f"a chain does not answer as it should: {error}; run it again\n")
    return 1


def _done(options: Any) -> int:
    """Carry out the command."""
    if options.command == "release":
        sys.stdout.write(f"{options.lane} {release(options.lane)}\n")
        return 0
    if options.command == "payments":
        lines = list(payments()) or ["no address is stopped by `pause`, or none has sent what is not known"]
        sys.stdout.writelines(f"{line}\n" for line in lines)
        return 0
    found = look()
    if options.command == "pause":
        pause(found)
    for one in found:
        sys.stdout.write(f"{one.lane}: {one.sent} sent, {one.known} known\n")
    if not found:
        sys.stdout.write("no address has sent more than is known here\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(command_line.run(main))
