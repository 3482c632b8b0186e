"""Install the packed client libraries as their users do, where nothing of the repository is available."""

from __future__ import annotations

import os
import re
import shutil
import site
import subprocess
import sys
import tarfile
import venv
from dataclasses import dataclass
from pathlib import Path

from tests.unit.docs.pages import ROOT, Page

PYTHON, TYPESCRIPT = ROOT / "clients" / "python", ROOT / "clients" / "typescript"
# The packages that pip would fetch with httpx. They come from the development environment, so that nothing is
# downloaded.
HTTPX = ("httpx", "httpcore", "h11", "anyio", "certifi", "idna", "sniffio", "typing_extensions.py")
NODE_TYPES = ROOT / "tests" / "e2e" / "clients" / "node.d.ts"
NODE = shutil.which("node") or str(Path(sys.executable).parent / "node")


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
        path = self.folder / "program.py"
        path.write_text(script, encoding="utf-8")
        return run([str(self.python), "-I", str(path)], cwd=self.folder, **env).stdout


@dataclass(frozen=True)
class NodeProject:
    """A folder whose node_modules has only the package and its dependencies."""

    folder: Path

    @classmethod
    def made(cls, folder: Path, package: Path) -> NodeProject:
        modules = folder / "node_modules"
        modules.mkdir(parents=True)
        with tarfile.open(package) as archive:
            archive.extractall(folder, filter="data")
        (folder / "package").rename(modules / "web3-wallet-client")
        for name in ("openapi-fetch", "openapi-typescript-helpers"):
            (modules / name).symlink_to(TYPESCRIPT / "node_modules" / name)
        (folder / "package.json").write_text('{"type": "module"}')
        return cls(folder)

    def compile(self, script: str) -> Path:
        """Compile the program to JavaScript, with the strictest type checks."""
        source = self.folder / "program.ts"
        source.write_text(script, encoding="utf-8")
        options = ["--strict", "--noUncheckedIndexedAccess", "--target", "es2022", "--module", "nodenext"]
        lib = ["--lib", "es2022,dom,dom.iterable,dom.asynciterable"]
        tsc = TYPESCRIPT / "node_modules" / "typescript" / "bin" / "tsc"
        run([NODE, str(tsc), *options, *lib, str(source), str(NODE_TYPES)], cwd=self.folder)
        return source.with_suffix(".js")

    def run(self, script: str, **env: str) -> str:
        return run([NODE, str(self.compile(script))], cwd=self.folder, **env).stdout


def readme(path: Path, language: str, **changes: str) -> str:
    """Join a README's blocks into one program, with other constants; each constant must occur once."""
    text = "\n".join(fence.text for fence in Page(path).fences() if fence.info == (language,))
    for pattern, value in changes.items():
        text, count = re.subn(
            rf'^((?:const )?{pattern} = )".*"', rf'\g<1>"{value}"', text, flags=re.MULTILINE
        )
        assert count == 1, f"{path.name} has no line {pattern} = …"
    return text
