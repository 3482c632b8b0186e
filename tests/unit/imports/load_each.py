"""Load each operation in a process of its own, like a function's, and print what each has loaded, as JSON.

    python load_each.py NAMES WATCHED        (JSON lists: operations, and modules to look for)

The processes are forks of forks: what several operations import in any case is imported once, before the processes of
these operations fork. In any case means by statements at the top of modules, from the operation's own on.
"""

from __future__ import annotations

import ast
import importlib
import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pydantic.main  # noqa: F401 - these are common to nearly all

import shared.telemetry.logs
import shared.triggers.flask_app  # noqa: F401
from functions import main
from shared.runtime import operation


def file_of(module: str) -> Path:
    return Path(f"{module.replace('.', '/')}.py")


@cache
def imported(module: str) -> frozenset[str]:
    """What the statements at the top of our module import."""
    found = set()
    for node in ast.parse(file_of(module).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
            named = (f"{node.module}.{name.name}" for name in node.names)
            found |= {str(node.module), *(name for name in named if file_of(name).exists())}
    return frozenset(found)


def closure(module: str) -> set[str]:
    """All that importing our module imports in any case."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        new = imported(waiting.pop()) - found
        found |= new
        waiting += [name for name in new if file_of(name).exists()]
    return found


def fork(work: Callable[[], None]) -> None:
    if (process := os.fork()) == 0:
        work()
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(process, 0)


def load_all(wanted: dict[str, set[str]], watched: list[str]) -> None:
    """Load these operations (name → what it imports in any case)."""
    while wanted:
        shared = Counter(name for names in wanted.values() for name in names if name not in sys.modules)
        most, count = min(shared.items(), key=lambda pair: (-pair[1], pair[0]), default=("", 0))
        if count < 2:
            for name in wanted:
                fork(lambda name=name: load(name, watched))  # type: ignore[misc]
            return
        these = {name: names for name, names in wanted.items() if most in names}

        def on(these: dict[str, set[str]] = these) -> None:
            for name in sorted(set.intersection(*these.values())):
                importlib.import_module(name)
            load_all(these, watched)

        fork(on)
        wanted = {name: names for name, names in wanted.items() if name not in these}


def load(name: str, watched: list[str]) -> None:
    target = getattr(main, name)
    mine = [module for module in sys.modules if module.startswith("functions.")]
    seen = [module for module in watched if module in sys.modules]
    count = sum(module.partition(".")[0] not in sys.stdlib_module_names for module in sys.modules)
    print(json.dumps([name, type(target).__name__, target.__name__, count, seen, mine]))


if __name__ == "__main__":
    names, watched = (json.loads(argument) for argument in sys.argv[1:])
    ours = {module.rsplit(".", 1)[-1]: module for module in operation.modules()}
    load_all({name: closure(ours[name]) for name in names}, watched)
