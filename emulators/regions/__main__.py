"""`make regions`: run the product in three regions on this machine until Ctrl-C."""

from __future__ import annotations

import os
import secrets
import signal
import sys

from emulators import background, doctor, process, seed, toolkit
from emulators.regions.topology import LEADER, READING, STANDBY, round_trip
from emulators.regions.world import Regions
from emulators.stack import StartError

GUIDE = """
Three regions are up. Who is near which region comes in at:

{doors}

  console    /console beside each /api/v1, and /docs
  reads      in the caller's region; writes in {leader}, or in {standby} while that is lost
  events     pushed to {leader}, or {standby}
  operator   {email}  {password}
  logs       {logs}/<region>.log, haproxy.cfg and haproxy.log beside them
  a region   kill -9 -<process group>: {groups}

Round trips between regions are those of docs/regions.md. `make drill` breaks regions under load and says what happened.
Ctrl-C stops everything.
"""


def main() -> int:
    """Run the regions until a signal ends the command."""
    process.exit_on_signals()
    workdir = toolkit.ROOT / ".run" / "regions"
    email = os.environ.get("OPERATOR_EMAIL", "operator@example.com")
    password = os.environ.get("OPERATOR_PASSWORD") or secrets.token_urlsafe(12)
    try:
        with Regions.start(workdir, door=doctor.free_port()) as world:
            os.environ["STATE_DIR"] = str(workdir / "state")
            seed.operator(email, password)
            background.State(world.envs[LEADER], []).write(workdir)
            print(_guide(world, email, password), flush=True)
            while world.balancer is not None and world.balancer.alive:
                signal.sigtimedwait([], 1.0)
    except (StartError, toolkit.Missing, doctor.BadPort) as error:
        print(error, file=sys.stderr)
        return 1
    print("the load balancer has stopped; see its log", flush=True)
    return 1


def _guide(world: Regions, email: str, password: str) -> str:
    doors = [f"  {region:14} {world.url(region)}/api/v1   {_away(region)}" for region in READING]
    groups = ", ".join(f"{region} {child.process.pid}" for region, child in world.gateways.items())
    return GUIDE.format(
        doors="\n".join(doors), leader=LEADER, standby=STANDBY, email=email, password=password,
        logs=world.workdir, groups=groups,
    )  # fmt: skip


def _away(region: str) -> str:
    return f"{round_trip(region, LEADER) * 1000:.0f} ms from where writes are decided"


if __name__ == "__main__":
    sys.exit(main())
