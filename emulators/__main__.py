"""`python -m emulators COMMAND`: the emulators alone, or (run, demo) the whole product on them."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emulators import background, doctor, probes, process, services, toolkit
from emulators.services import SERVICES
from emulators.stack import StartError
from shared import resources

NEEDED = ("specversion", "id", "source", "type", "subject")
PRODUCT = "product"  # what `make run` has started, beside the services


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status: 0 success, 1 failure (such as nothing is running), 2 wrong usage."""
    options, rest = _parser().parse_known_args(arguments)
    if rest and options.command not in (*_PRODUCT, *_DEVELOPER):
        _parser().error(f"unknown arguments: {' '.join(rest)}")
    process.exit_on_signals()
    try:
        if options.command in _PRODUCT:
            return int(importlib.import_module(f"emulators.{options.command}").main(rest, options.dir))
        if options.command in _DEVELOPER:
            from emulators import developer

            return developer.main(options.command, rest, options.dir)
        return _COMMANDS[options.command](options)
    except doctor.BadPort as error:
        print(f"{error}", file=sys.stderr)
        return 2
    except (StartError, toolkit.Missing, TimeoutError) as error:
        print(f"{error}", file=sys.stderr)
        return 1
    except SystemExit as left:
        # Ctrl-C reaches make, too, and make reports it; a status of ours would only add a second error.
        if left.code == 128 + signal.SIGINT and os.environ.get("MAKELEVEL"):
            return 0
        raise


def _up(options: argparse.Namespace) -> int:
    background.up(options.dir)
    return _status(options)


def _down(options: argparse.Namespace) -> int:
    print(f"{background.down(options.dir)} services stopped")
    return 0


def _status(options: argparse.Namespace) -> int:
    product, used = background.running(options.dir), background.seen(options.dir)
    if product is None and not used:
        return _not_up()
    ready = True
    if product is not None:
        print(f"{PRODUCT:<10} {'up':<6} {'127.0.0.1:' + product.env['PORT']:<24} make run")
    for service in used:
        answers = service.answers
        ready = ready and answers
        owner = f"pid {service.pid}" if service.pid else "from the environment"
        print(f"{service.name:<10} {'ready' if answers else 'DEAD':<6} {service.address:<24} {owner}")
    return 0 if ready else 1


def _env(options: argparse.Namespace) -> int:
    state = background.running(options.dir) or background.State.read(options.dir)
    if state is None:
        return _not_up()
    print(background.exports(state))
    return 0


def _logs(options: argparse.Namespace) -> int:
    """Show the logs with `tail`, which can follow several files."""
    used = background.seen(options.dir)
    logs = [(service.name, service.log) for service in used if service.log]
    if background.running(options.dir) is not None:
        logs.append((PRODUCT, str(options.dir / "product" / "gateway.log")))
    if not logs and not used:
        return _not_up()
    files = [log for name, log in logs if options.service in (None, name)]
    if not files:
        print("this service was not started here and has no log here", file=sys.stderr)
        return 1
    follow = ["-F"] if options.follow else []
    return subprocess.run(["tail", "-n", str(options.lines), *follow, *files], check=False).returncode


def _check(_options: argparse.Namespace) -> int:
    services.check([SERVICES[name] for name in toolkit.PACKAGES])
    return 0


def _publish(options: argparse.Namespace) -> int:
    """Publish a message to the bus that the environment names, or else to the bus of `make run`."""
    try:
        envelope = _envelope(options.file)
    except ValueError as error:
        print(f"not published: {options.file} {error}", file=sys.stderr)
        return 2
    if not os.environ.get(SERVICES["pubsub"].variable) and not os.environ.get("EMBEDDED"):
        state = background.running(options.dir)
        if state is None:
            return _not_up()
        os.environ |= state.env
    os.environ.setdefault("GOOGLE_CLOUD_PROJECT", probes.PROJECT)
    try:
        print(resources.publisher().publish(options.topic, envelope).result(30))
    except Exception as error:
        print(f"not published: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


def _envelope(file: Path) -> dict[str, Any]:
    """The CloudEvent in this file. Raises ValueError with a text that continues a sentence after the file's name."""
    try:
        envelope = json.loads(file.read_text())
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"is no JSON: {error}" if error.doc.strip() else "is empty") from None
    except (ValueError, RecursionError):  # not UTF-8; nested too deep
        raise ValueError("is no JSON") from None
    if not isinstance(envelope, dict):
        raise ValueError("is no CloudEvent: that is one JSON object")
    if wrong := [name for name in NEEDED if not isinstance(envelope.get(name), str)]:
        raise ValueError(f"is no CloudEvent: it lacks {', '.join(wrong)}, or not as texts")
    return envelope


def _not_up() -> int:
    print(
        "nothing is running: `make run` starts the product, `.venv/bin/python -m emulators up` the emulators alone",
        file=sys.stderr,
    )
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m emulators", description=__doc__)
    parser.add_argument("--dir", type=Path, default=toolkit.ROOT / ".run", help="folder for state and logs")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start the emulators and the node in the background")
    commands.add_parser("down", help="stop what `up` started")
    commands.add_parser("status", help="show what runs here and whether it answers")
    commands.add_parser("env", help="print the variables that clients need, as export lines")
    commands.add_parser(
        "check", help="check whether this machine can run the emulators, and what to install if not"
    )
    publish = commands.add_parser("publish", help="publish one message to a topic of the running product")
    publish.add_argument("topic", help="for example order-commands")
    publish.add_argument("file", type=Path, help="the CloudEvent as JSON")
    logs = commands.add_parser("logs", help="print the end of the logs")
    logs.add_argument("service", nargs="?", choices=[PRODUCT, *SERVICES])
    logs.add_argument("-n", "--lines", type=int, default=20)
    logs.add_argument("-f", "--follow", action="store_true")
    commands.add_parser("run", help="run the whole product on this machine")
    commands.add_parser("demo", help="place an order, claim it and pay it on chain")
    commands.add_parser("observe", help="watch the product with Prometheus, and Grafana if it is installed")
    for name, text in _DEVELOPER.items():
        commands.add_parser(name, help=text, add_help=False)
    return parser


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "up": _up,
    "down": _down,
    "status": _status,
    "env": _env,
    "logs": _logs,
    "check": _check,
    "publish": _publish,
}
# Commands of `developer`, with their help texts.
_DEVELOPER = {
    "token": "print an access token of a user of the running product: EMAIL [--password P]",
    "fund": "give an address coins on the local chain: ADDRESS ETHER",
    "mine": "mine blocks at once: [BLOCKS]",
    "warp": "let the chain's clock go on: SECONDS",
    "reorg": "replace the newest blocks by empty ones: DEPTH",
}
# Modules of this package with a `main(arguments) -> exit status`.
_PRODUCT = ("run", "demo", "observe")

if __name__ == "__main__":
    sys.exit(main())
