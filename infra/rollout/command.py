"""Roll a release out to all services and regions, and roll back if it is not healthy.

    python -m infra.rollout run --project P --image …@sha256:… --release 1a2b3c4 --canary URL
    python -m infra.rollout plan …       show what `run` would do
    python -m infra.rollout rollback …   send all requests to the revisions before this release
    python -m infra.rollout rotate …     deploy new versions of secrets, in minutes (infra/rollout/rotation.py)

Only services whose code changed are deployed. First, they are deployed everywhere without traffic, and called. Then,
region by region, 5, 25 and 100 % of the requests go to the new revisions; errors and latency are checked after each
step. On any failure, all services return to their previous revisions. The command may be killed and restarted: it
continues from the current state.

Exit status: 0 done · 1 failed, and everything is as before · 2 wrong usage · 3 failed, and the rollback is
incomplete: the last lines show the state of each service.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
from contextlib import suppress
from types import FrameType

from infra.rollout import closure
from infra.rollout.cloud import Cloud, CloudError
from infra.rollout.gate import MONITORING, Gate, Limits
from infra.rollout.rotation import Rotation
from infra.rollout.smoke import Smoke
from infra.rollout.steps import Refused, Rollout

REGIONS = "asia-east1,europe-west1,us-east1,us-central1"
READING = "asia-east1,europe-west1,us-central1"
WRITING = "us-central1,us-east1"
DONE, FAILED, USAGE, STUCK = range(4)


def run(rollout: Rollout) -> int:
    """Run the complete rollout; returns the exit status."""
    try:
        rollout.look()
        if not rollout.changes:
            rollout.say("nothing changed")
            return DONE
    except (Refused, CloudError) as error:
        rollout.say(f"not begun: {error}")
        return FAILED
    try:
        rollout.deploy()
        rollout.call()
        rollout.shift()
    except (Exception, KeyboardInterrupt) as error:  # also our own errors: nothing may stay in a wrong state
        rollout.say(f"FAILED: {str(error) or type(error).__name__}")
        return FAILED if rollback(rollout) == DONE else STUCK
    rollout.say(f"{rollout.release} is everywhere")
    return DONE


def rollback(rollout: Rollout) -> int:
    """Return to the previous revisions; returns 3 if a service does not."""
    stuck = rollout.back()
    if not stuck:
        rollout.say("everything is as before")
        return DONE
    rollout.say(
        "ROLLBACK FAILED; by hand: gcloud run services update-traffic SERVICE --region R --to-revisions OLD=100"
    )
    for line in stuck:
        rollout.say(f"  {line}")
    return STUCK


def plan(rollout: Rollout) -> int:
    """Print what `run` would do, without doing it."""
    try:
        rollout.look()
    except (Refused, CloudError) as error:
        rollout.say(f"cannot begin: {error}")
        return FAILED
    for place, change in sorted(rollout.changes.items()):
        what = f"has {change.share} % on {change.new}" if change.new else "to be deployed"
        rollout.say(f"{place}: {what}; before: {change.before}")
    places = sum(len(rollout.homes[name] & set(rollout.regions)) for name in rollout.services)
    rollout.say(f"{len(rollout.changes)} changed of {places}")
    return DONE


def rotate(rollout: Rollout, secrets: list[str]) -> int:
    """Deploy these versions of secrets everywhere; returns 3 if a service keeps an old one."""
    rotation = Rotation(
        cloud=rollout.cloud,
        release=rollout.release,
        regions=rollout.regions,
        services=rollout.services,
        smoke=rollout.smoke,
        versions=dict(secret.split("=") for secret in secrets),
        parallel=rollout.parallel,
        say=rollout.say,
    )
    try:
        behind = rotation.run()
    except CloudError as error:
        rollout.say(f"cannot be read, start again: {error}")
        return STUCK
    if not behind:
        rollout.say("no request meets an old version any more")
        return DONE
    rollout.say("OLD VERSIONS ARE STILL IN USE; start again:")
    for line in behind:
        rollout.say(f"  {line}")
    return STUCK


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(
        prog="python -m infra.rollout", description=__doc__.split("\n")[0] if __doc__ else ""
    )
    found.add_argument("command", choices=("run", "plan", "rollback", "rotate"))
    found.add_argument("--project", required=True)
    found.add_argument("--image", default="", help="by its digest")
    found.add_argument("--release", required=True, help="the commit, in short")
    found.add_argument(
        "--secret", action="append", default=[], metavar="NAME=VERSION", help="for rotate, as often as needed"
    )
    found.add_argument("--regions", default=REGIONS, help="in the order of the rollout")
    found.add_argument("--reading", default=READING, help="the regions that serve reads")
    found.add_argument("--writing", default=WRITING, help="the region of Spanner's leader, and the standby")
    found.add_argument("--granularity", choices=closure.SCALES, default="trust")
    found.add_argument("--grpc", action="store_true", help="also the services that answer gRPC")
    found.add_argument(
        "--canary", default="", help="URL with {service} and {region}; its secret is in CANARY_SECRET"
    )
    found.add_argument("--audience", default="", help="of the tokens that Pub/Sub and Cloud Scheduler send")
    found.add_argument("--bake", type=int, default=300, help="seconds between a step and the look at it")
    found.add_argument(
        "--synthetic",
        type=int,
        default=20,
        help="requests of our own before each look, so that there are enough",
    )
    found.add_argument("--pause", type=float, default=3.0, help="seconds before a call is repeated")
    found.add_argument("--only", default="", help="these services alone")
    found.add_argument("--all", action="store_true", help="also what did not change: after new settings")
    found.add_argument("--parallel", type=int, default=12)
    found.add_argument("--monitoring", default=MONITORING)
    return found


def _check(options: argparse.Namespace) -> None:
    """Raises Refused for options that cannot work together."""
    if options.command == "run" and not re.fullmatch(r"\S+@sha256:[0-9a-f]{64}", options.image):
        raise Refused(f"--image {options.image or '(none)'}: name it by its digest: a tag may be moved")
    if options.command == "rotate" and not options.secret:
        raise Refused("rotate needs --secret NAME=VERSION")
    for secret in options.secret:
        if not re.fullmatch(r"[a-z0-9-]+=[1-9]\d*", secret):
            raise Refused(f"--secret {secret}: as NAME=VERSION, with the version as a number")
    if options.command in ("run", "rotate") and not (
        "{service}" in options.canary and "{region}" in options.canary
    ):
        raise Refused("--canary needs {service} and {region} in it")
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", options.release):
        raise Refused(f"--release {options.release}: at most 63 of a-z, 0-9, _ and -, as a label may have")


def made(options: argparse.Namespace) -> Rollout:
    """The rollout of the options. Raises Refused for an image without digest, an invalid release label, a secret
    without version."""
    _check(options)

    def say(text: str) -> None:
        with suppress(OSError):  # the reader is gone, but the rollout or rollback must continue
            print(text, flush=True)  # noqa: T201 - this is what a build's log shows

    cloud = Cloud(options.project, options.pause, say)
    gate = Gate(cloud, max(60, options.bake), Limits(), options.monitoring, options.pause)
    smoke = Smoke(cloud, options.canary, os.environ.get("CANARY_SECRET", ""), options.audience, options.pause)
    services = closure.services(options.granularity, options.grpc)
    only = [name for name in options.only.split(",") if name] or list(services)
    unknown = sorted(set(only) - set(services))
    if unknown:
        raise Refused(f"--only {', '.join(unknown)}: the catalog has no such service")
    return Rollout(
        cloud=cloud,
        image=options.image,
        release=options.release,
        regions=[region for region in options.regions.split(",") if region],
        services={name: services[name] for name in only},
        homes=closure.homes(services, set(options.reading.split(",")), set(options.writing.split(","))),
        gate=gate,
        smoke=smoke,
        bake=options.bake,
        parallel=options.parallel,
        synthetic=options.synthetic,
        everything=options.all,
        say=say,
    )


def main(arguments: list[str]) -> int:
    options = parser().parse_args(arguments)

    def interrupt(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)  # once is enough: the way back is not interrupted
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        rollout = made(options)
    except Refused as error:
        sys.stderr.write(f"{error}\n")
        return USAGE
    if options.command == "rotate":
        return rotate(rollout, options.secret)
    return {"run": run, "plan": plan, "rollback": rollback}[options.command](rollout)
