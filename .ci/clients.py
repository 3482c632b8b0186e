"""Package the client libraries: `clients.py [FOLDER]` writes a wheel and an npm package into build/clients, or
FOLDER.

`clients.py --check` only generates the TypeScript types from the API's description and compiles the code that uses
them. mypy checks the Python client. Nothing is downloaded: the set-up installs the required tools.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON, TYPESCRIPT = ROOT / "clients" / "python", ROOT / "clients" / "typescript"
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "node_modules", "dist", "schema.ts")


@contextmanager
def copies() -> Iterator[Path]:
    """Copy the sources, because packaging writes next to them and may run several times at once."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        shutil.copytree(PYTHON, root / "clients" / "python", ignore=LEFT_OUT)
        shutil.copytree(TYPESCRIPT, root / "clients" / "typescript", ignore=LEFT_OUT)
        (root / "clients" / "typescript" / "node_modules").symlink_to(TYPESCRIPT / "node_modules")
        (root / "schemas").mkdir()
        shutil.copy(ROOT / "schemas" / "openapi.json", root / "schemas")
        yield root / "clients"


def wheel(source: Path, folder: Path) -> Path:
    """The wheel of the Python client. Raises CalledProcessError."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps",
               "--no-build-isolation", "--no-index", "--wheel-dir", str(folder), str(source)]  # fmt: skip
    subprocess.run(command, check=True)
    return next(folder.glob("web3_wallet_client-*.whl"))


def package(source: Path, folder: Path) -> Path:
    """The npm package of the TypeScript client. Raises CalledProcessError."""
    npm(source, "run", "--silent", "build")
    npm(source, "pack", "--silent", "--pack-destination", str(folder.resolve()))
    return next(folder.glob("web3-wallet-client-*.tgz"))


def npm(source: Path, *arguments: str) -> None:
    """Run npm in the folder; if the machine has no npm, use the one in .venv."""
    path = f"{os.environ['PATH']}{os.pathsep}{Path(sys.executable).parent}"
    env = os.environ | {"PATH": path, "FORCE_COLOR": "0"}
    done = subprocess.run(
        ["npm", *arguments], cwd=source, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        print(done.stdout, file=sys.stderr)
        done.check_returncode()


def main(arguments: list[str]) -> int:
    try:
        with copies() as sources:
            if arguments == ["--check"]:
                npm(sources / "typescript", "run", "--silent", "check")
                return 0
            folder = Path(arguments[0]) if arguments else ROOT / "build" / "clients"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            print(wheel(sources / "python", folder))
            print(package(sources / "typescript", folder))
    except subprocess.CalledProcessError as error:
        print(f"clients: {error.cmd[0]} ended with {error.returncode}; see above", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
