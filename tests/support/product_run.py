"""Run `make run` as a separate process in its own folder, on the embedded services and a node that it starts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulators import ports
from emulators.services import SERVICES
from emulators.toolkit import ROOT

UP = "Ctrl-C stops everything."
STARTS_WITHIN = 60.0  # seconds


def clean() -> dict[str, str]:
    """This environment without the variables that point to the tests' services, or that choose services."""
    led = {service.variable for service in SERVICES.values()}
    led |= {"EMBEDDED", "EMBEDDED_FILE", "STATE_DIR", "PORT", "PUSH_TOKEN", "CHAIN_TOKENS", "MAKELEVEL"}
    return {name: value for name, value in os.environ.items() if name not in led}


@dataclass
class ProductRun:
    """One folder, in which a run is started, killed and started again."""

    folder: Path
    port: int
    process: subprocess.Popen[str] | None = None

    @classmethod
    def at(cls, folder: Path) -> ProductRun:
        with ports.reserve() as (port, _):
            return cls(folder, port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        return self.folder / "product" / "data"

    @property
    def env(self) -> dict[str, str]:
        """The output of `python -m emulators env`."""
        stored: dict[str, Any] = json.loads((self.folder / "product" / "emulators.json").read_text())
        return dict(stored["env"])

    def start(self, *arguments: str) -> str:
        """Start it; returns its output until it is up. Raises AssertionError with the output if it ends instead."""
        printed = self.folder / "printed"
        self.folder.mkdir(parents=True, exist_ok=True)
        with printed.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "emulators", "--dir", str(self.folder), "run", *arguments],
                cwd=ROOT,
                env=clean() | {"STORE": "embedded", "PORT": str(self.port)},
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,  # its own group: Ctrl-C reaches only this run
            )
        deadline = time.monotonic() + STARTS_WITHIN
        while UP not in (text := printed.read_text()):
            assert self.process.poll() is None and time.monotonic() < deadline, text
            time.sleep(0.05)
        return text

    def end(self, number: signal.Signals) -> int:
        """End it with this signal; returns the exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(30)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `python -m emulators …` in another shell."""
        line = [sys.executable, "-m", "emulators", "--dir", str(self.folder), *arguments]
        return subprocess.run(
            line, cwd=ROOT, env=clean(), capture_output=True, text=True, timeout=60, check=False
        )

    def processes(self) -> list[int]:
        """The processes that use this folder, by command line, environment and open files."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal() and self._is_ours(entry):
                found.append(int(entry.name))
        return found

    def _is_ours(self, entry: Path) -> bool:
        name = str(self.folder).encode()
        try:
            if (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return False
            return name in (entry / "cmdline").read_bytes() or name in (entry / "environ").read_bytes()
        except OSError:
            return False
