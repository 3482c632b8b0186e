"""Compile Solidity for local runs and tests, with the pinned solc from npm; cached by digest in .run/solidity."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulators.toolkit import ROOT

KEPT = ROOT / ".run" / "solidity"
PACKAGES = ROOT / "node_modules"
SETTINGS: dict[str, Any] = {
    "optimizer": {"enabled": True, "runs": 200},
    "metadata": {"appendCBOR": False},
    "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"]}},
}


@dataclass(frozen=True, slots=True)
class Compiled:
    """The creation code and the deployed code of a contract, as 0x hex."""

    name: str
    abi: list[dict[str, Any]]
    bytecode: str
    runtime: str


def compiled(folder: Path) -> dict[str, Compiled]:
    """Every contract of the folder's .sol files, by name. Raises RuntimeError with the compiler's message."""
    sources = {path.name: {"content": path.read_text()} for path in sorted(folder.glob("*.sol"))}
    request = json.dumps({"language": "Solidity", "sources": sources, "settings": SETTINGS}, sort_keys=True)
    versions = (ROOT / "package-lock.json").read_bytes()
    kept = KEPT / f"{hashlib.sha256(request.encode() + versions).hexdigest()}.json"
    if not kept.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        with kept.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # processes that start together compile once
            if not kept.exists():
                part = kept.with_suffix(f".{os.getpid()}")
                part.write_text(_run(request))
                part.replace(kept)
    found = json.loads(kept.read_text())
    return {
        name: Compiled(
            name,
            made["abi"],
            "0x" + made["evm"]["bytecode"]["object"],
            "0x" + made["evm"]["deployedBytecode"]["object"],
        )
        for file, contracts in found["contracts"].items()
        if file in sources
        for name, made in contracts.items()
    }


def _run(request: str) -> str:
    # Node.js from PyPI is in the same folder as Python.
    programs = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    node = shutil.which("node", path=programs)
    if node is None or not (PACKAGES / "solc").exists():
        raise RuntimeError("Solidity needs Node.js and the packages of package.json: run make setup")
    command = [node, str(ROOT / "emulators" / "solc.cjs"), str(PACKAGES)]
    environment = {"PATH": os.environ.get("PATH", ""), "NODE_PATH": str(PACKAGES)}
    done = subprocess.run(
        command, input=request, env=environment, capture_output=True, text=True, timeout=110, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"solc: {done.stderr[-2000:]}")
    messages = json.loads(done.stdout).get("errors", [])
    if errors := [one["formattedMessage"] for one in messages if one["severity"] == "error"]:
        raise RuntimeError("\n".join(errors))
    return done.stdout
