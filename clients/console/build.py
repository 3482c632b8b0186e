"""Bundles the console's page: `python clients/console/build.py [--check] [--node FOLDER] [TARGET]`.

Standard library only: the set-up and the image's build run it. `npm ci` fetches what package-lock.json pins, esbuild
writes console.js and console.css into TARGET (functions/site/console). `--node` names the folder of node, with npm in
../lib/node_modules as Node.js has it, where they are not on the PATH; `--check` only tells by its exit status whether
anything is to be done. A stamp holds the digest of the sources, so a second call does nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = HERE.parents[1] / "functions" / "site" / "console"
OPTIONS = (
    "--bundle",
    "--minify",
    "--format=esm",
    "--target=es2022",
    "--legal-comments=eof",
    "--log-level=warning",
)


def digest() -> str:
    """Of everything that the bundle depends on."""
    found = hashlib.sha256()
    names = [HERE / "package-lock.json", *sorted((HERE / "src").rglob("*.*"))]
    for path in names:
        found.update(f"{path.relative_to(HERE)}\0".encode() + path.read_bytes())
    return found.hexdigest()


def fresh(target: Path = TARGET) -> bool:
    """Whether what TARGET holds was made from these sources."""
    stamp = target / ".made"
    return stamp.exists() and stamp.read_text() == digest()


def build(target: Path, env: dict[str, str], npm: tuple[str, ...] = ("npm",)) -> None:
    """Raises CalledProcessError."""
    lock = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    installed = HERE / "node_modules" / ".installed"
    if not installed.exists() or installed.read_text() != lock:
        subprocess.run([*npm, "ci", "--ignore-scripts", "--loglevel=error"], cwd=HERE, env=env, check=True)
        installed.write_text(lock)
    target.mkdir(parents=True, exist_ok=True)
    esbuild = HERE / "node_modules" / "esbuild" / "bin" / "esbuild"
    command = ["node", str(esbuild), "src/console.js", *OPTIONS, f"--outdir={target}"]
    subprocess.run(command, cwd=HERE, env=env, check=True)
    (target / ".made").write_text(digest())


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="build.py")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--node", type=Path)
    parser.add_argument("target", type=Path, nargs="?", default=TARGET)
    options = parser.parse_args(arguments)
    if options.check:
        return 0 if fresh(options.target) else 1
    if fresh(options.target):
        return 0
    env = dict(os.environ)
    if options.node is None:
        build(options.target.resolve(), env)
    else:
        env["PATH"] = f"{options.node}{os.pathsep}{env.get('PATH', '')}"
        build(options.target.resolve(), env, ("node", str(npm_of(options.node))))
    return 0


def npm_of(node: Path) -> Path:
    """npm's script. In a wheel bin/npm is a copy, not a link, and does not find its modules."""
    return node.resolve().parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
