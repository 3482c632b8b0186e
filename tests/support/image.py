"""Build the file system of infra/Dockerfile without a container engine, step by step.

It knows the instructions that the file uses and refuses others. This machine's Python replaces the base image's, and
runs without the virtual environment; every absolute path of a step or variable means a path below the image's root.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

DOCKERFILE = "infra/Dockerfile"
Step = tuple[str, str]


def steps(text: str) -> list[Step]:
    """(INSTRUCTION, the rest) in order, continued lines joined."""
    bare = re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*\n", "", text))
    return [
        (line.split(None, 1)[0].upper(), line.split(None, 1)[1]) for line in bare.splitlines() if line.strip()
    ]


@dataclass
class Ignore:
    """.dockerignore: the last pattern that matches a path or a folder above it decides."""

    patterns: list[str]

    def __call__(self, path: str) -> bool:
        ignored = False
        for pattern in self.patterns:
            bare = pattern.lstrip("!").removesuffix("/")
            parts = path.split("/")
            above = ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]
            if any(_matches(each, bare) for each in above):
                ignored = not pattern.startswith("!")
        return ignored


def _matches(path: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatch(path.rsplit("/", 1)[-1], pattern[3:])
    return path.count("/") == pattern.count("/") and fnmatch(path, pattern)


@dataclass
class Image:
    """A stage during its build, and the image after it."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = "0:0"
    command: list[str] = field(default_factory=list)

    def below(self, word: str) -> str:
        """Replace each absolute path of the image in the word by the path on this machine."""
        return re.sub(r"(^|[:=])(?=/)", lambda found: found[1] + str(self.root), word)

    def environment(self, python: Path, given: Mapping[str, str]) -> dict[str, str]:
        """The image's variables and the given ones, without this process's variables."""
        own = {name: self.below(value) for name, value in self.env.items()}
        return {"PATH": f"{python.parent}:/usr/bin:/bin", **own, **given}

    def files(self) -> Iterator[str]:
        for path in sorted(self.root.rglob("*")):
            if path.is_file():
                yield str(path.relative_to(self.root))

    def started(self, given: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
        """The command that a container runs, as the image's user if we may switch users, and its variables."""
        python = stand_in(self.root.parent)
        command = [self.below(word) for word in self.command]
        if other_user():
            user, group = self.user.split(":")
            privileges = ["--reuid", user, "--regid", group, "--clear-groups", "--no-new-privs"]
            command = ["setpriv", "--pdeathsig", "KILL", *privileges, *command]
        return command, self.environment(python, given)


def reachable(path: Path) -> bool:
    """Tell whether other users may run it."""
    folders = path.resolve().parents
    return path.exists() and all(folder.stat().st_mode & stat.S_IXOTH for folder in folders)


def interpreter() -> Path:
    """Find a Python of this version, preferably one that other users may run."""
    own = Path(sys._base_executable).resolve()  # type: ignore[attr-defined]
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    candidates = [own, Path("/usr/bin") / name, Path("/usr/local/bin") / name]
    return next((path for path in candidates if reachable(path)), own)


def other_user() -> bool:
    """Tell whether a test may run a program as a user who owns nothing."""
    return os.geteuid() == 0 and reachable(interpreter()) and reachable(Path(sysconfig.get_path("purelib")))


def stand_in(folder: Path) -> Path:
    """Write a `python` like the base image's: an interpreter with the standard library only."""
    path = folder / "bin" / "python"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'#!/bin/sh\nexec {interpreter()} -S "$@"\n')
        path.chmod(0o755)
    return path


@dataclass
class Builder:
    """Executes the steps. It passes each RUN to `run` first, which answers whether it has executed the RUN."""

    context: Path
    folder: Path
    run: Callable[[Image, list[str]], bool] = lambda image, words: False
    stages: dict[str, Image] = field(default_factory=dict)

    def build(self) -> Image:
        text = (self.context / DOCKERFILE).read_text()
        ignore = (self.context / ".dockerignore").read_text().splitlines()
        self.ignored = Ignore([line for line in ignore if line and not line.startswith("#")])
        self.folder.chmod(0o755)
        image = None
        for instruction, rest in steps(text):
            if instruction == "FROM":
                image = self._from(rest)
                continue
            assert image is not None, "a Dockerfile begins with FROM"
            getattr(self, f"_{instruction.lower()}")(image, rest)
        assert image is not None
        return image

    def _from(self, rest: str) -> Image:
        found = re.fullmatch(r"(\S+@sha256:[0-9a-f]{64})(?: AS (\w+))?", rest, re.I)
        assert found, f"a base is pinned by its digest: {rest}"
        name = found[2] or "final"
        image = Image(self.folder / name)
        image.root.mkdir()
        self.stages[name] = image
        return image

    def _env(self, image: Image, rest: str) -> None:
        image.env.update(word.split("=", 1) for word in shlex.split(rest))  # type: ignore[arg-type]

    def _workdir(self, image: Image, rest: str) -> None:
        image.workdir = rest
        Path(image.below(rest)).mkdir(parents=True, exist_ok=True)

    def _user(self, image: Image, rest: str) -> None:
        image.user = rest

    def _cmd(self, image: Image, rest: str) -> None:
        image.command = json.loads(rest)

    def _copy(self, image: Image, rest: str) -> None:
        words = rest.split()
        stage = self.stages[words.pop(0).removeprefix("--from=")] if words[0].startswith("--from=") else None
        *sources, target = words
        to = Path(image.below(os.path.join(image.workdir, target)))  # noqa: PTH118
        for source in sources:
            if stage:
                shutil.copytree(stage.below(source), to, symlinks=True, dirs_exist_ok=True)
            else:
                self._from_context(source, to, folder=target.endswith("/"))

    def _from_context(self, source: str, to: Path, *, folder: bool) -> None:
        path = self.context / source
        found = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
        taken = [each for each in found if not self.ignored(str(each.relative_to(self.context)))]
        assert taken, f"COPY {source}: nothing of it is in the build's context"
        for each in taken:
            place = to / each.relative_to(path) if path.is_dir() else to / each.name if folder else to
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(each, place)

    def _run(self, image: Image, rest: str) -> None:
        words = shlex.split(rest)
        assert not set(words) & {"&&", "||", "|", ";", ">"}, f"one command per RUN is understood: {rest}"
        if self.run(image, words):
            return
        mapped = [sys.executable if word == "python" else image.below(word) for word in words]
        env = {**os.environ, **{name: image.below(value) for name, value in image.env.items()}}
        env.pop("PYTHONPATH", None)
        cwd = image.below(image.workdir)
        done = subprocess.run(mapped, cwd=cwd, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"RUN {rest}\n{done.stdout}{done.stderr}"
