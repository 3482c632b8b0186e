"""Packs the client libraries: `clients.py [FOLDER]` writes a wheel and an npm package into build/clients, or FOLDER.

`clients.py --check` only makes the TypeScript types from the API's description and compiles what uses them. The Python
client is part of mypy's files. Nothing is downloaded: what packing needs is installed by the set-up.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON, TYPESCRIPT = ROOT / "clients" / "python", ROOT / "clients" / "typescript"
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")


def wheel(folder: Path) -> Path:
    """The wheel of the Python client. Raises CalledProcessError."""
    with tempfile.TemporaryDirectory() as name:  # setuptools writes beside what it packs
        source = Path(name) / "python"
        shutil.copytree(PYTHON, source, ignore=LEFT_OUT)
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps",
                   "--no-build-isolation", "--no-index", "--wheel-dir", str(folder), str(source)]  # fmt: skip
        subprocess.run(command, check=True)
    return next(folder.glob("web3_wallet_client-*.whl"))


def package(folder: Path) -> Path:
    """The npm package of the TypeScript client. Raises CalledProcessError."""
    npm("run", "--silent", "build")
    npm("pack", "--silent", "--pack-destination", str(folder))
    return next(folder.glob("web3-wallet-client-*.tgz"))


def npm(*arguments: str) -> None:
    """Run npm there; where the machine has none, the one in .venv."""
    path = f"{os.environ['PATH']}{os.pathsep}{Path(sys.executable).parent}"
    subprocess.run(
        ["npm", *arguments], cwd=TYPESCRIPT, env=os.environ | {"PATH": path}, check=True, stdout=sys.stderr
    )


def main(arguments: list[str]) -> int:
    try:
        if arguments == ["--check"]:
            npm("run", "--silent", "check")
            return 0
        folder = Path(arguments[0]) if arguments else ROOT / "build" / "clients"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for made in (wheel(folder), package(folder)):
            print(made)
    except subprocess.CalledProcessError as error:
        print(f"clients: {error.cmd[0]} ended with {error.returncode}; see above", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
