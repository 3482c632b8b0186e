"""Everything that documents name in `code` exists: files, targets, modules, variables, error codes, events, routes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from fnmatch import fnmatch
from functools import cache
from typing import get_args

import pytest

from shared.domain.transactions.states import State
from shared.store.unit_of_work import UnitOfWork
from tests.unit.docs.commands import make_problem, python_problem, routes
from tests.unit.docs.pages import ROOT, Page, pages, source, tracked, words

TOP = frozenset(name.split("/")[0] for name in tracked() if "/" in name)
# Folders and files that tools create and .gitignore excludes.
MADE = (".venv", "node_modules", ".run")
# Things that docs/adding_an_operation.md creates; tests/e2e/test_documents.py creates them.
EXAMPLE = {"functions/supplies/count_supplies.py", "tests/emulated/desk/test_count.py", "GET /supplies/count"}


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_names_exist(page: Page) -> None:
    shown = " ".join(fence.text for fence in page.fences() if fence.shell)

    def made(code: str) -> bool:
        """Tell whether it is a file without a folder that the page's own commands read or write."""
        return "/" not in code and bool(re.search(rf"(?<![\w./-]){re.escape(code)}(?![\w/-])", shown))

    problems = [
        f"{page.name}:{line}: `{code}`: {said}"
        for line, code in page.codes()
        if (said := problem(code)) and not made(code)
    ]
    assert problems == []


def problem(code: str) -> str | None:
    """Describe what is wrong with a name, or return None; other texts are not checked."""
    found = ((match, check) for pattern, check in KINDS if (match := pattern.search(code)))
    match, check = next(found, (None, None))
    return check(match) if match and check and code not in EXAMPLE else None


def file_problem(found: re.Match[str]) -> str | None:
    plain = re.sub(r"<\w+>|NNNN_name|…|\{\w+\}", "*", found[0]).rstrip("/")
    if plain.startswith((*MADE, "roles/")):  # roles of Google Cloud contain a slash and a dot too
        return None
    if "/" in plain and plain.split("/")[0] not in TOP | set(MADE):
        return None if "." not in plain.split("/")[-1] or _anywhere(plain) else "no such file"
    if "/" in plain:
        return None if any(fnmatch(known, plain) for known in tracked()) else "no such file"
    return None if _anywhere(plain) or f'"{plain}"' in source() else "no such file"


def _anywhere(name: str) -> bool:
    return any(known == name or known.endswith("/" + name) for known in tracked())


def route_problem(found: re.Match[str]) -> str | None:
    """A route without /api/v1 is looked up below it; a route without its beginning matches any route's end."""
    method, path = found.groups()
    plain = re.sub(r"\{\w+\}|<\w+>", "{}", path.partition("?")[0])
    candidates = [plain, f"/api/v1{plain}"]
    if method is None:
        candidates += [known for known in routes() if known.endswith(plain)]
    answered = [routes()[known] for known in candidates if known in routes()]
    if not answered:  # `/metrics`, `/push/<operation>`: the gateway answers these itself
        own = not any(known.startswith(f"/api/v1/{plain.split('/')[1]}") for known in routes())
        return None if own and f'"{plain.partition("{")[0]}' in source() else "no such route"
    wrong = method is not None and not any(method in methods for methods in answered)
    return f"does not answer {method}" if wrong else None


@cache
def events() -> frozenset[str]:
    """Every string of the source that may be the type of an event or a command."""
    return frozenset(re.findall(r'"([a-z]+\.[a-z_]+)"', source()))


def event_problem(found: re.Match[str]) -> str | None:
    aggregate, verbs = found[1], found[2].split("|")
    if aggregate not in {name.partition(".")[0] for name in _announced()}:
        return None
    known = (
        events() | _announced() | {f"transaction.{state}" for state in get_args(State)}
    )  # named by the outcome
    missing = [verb for verb in verbs if f"{aggregate}.{verb}" not in known]
    return f"no such event or command: {', '.join(missing)}" if missing else None


@cache
def _announced() -> frozenset[str]:
    catalog = json.loads((ROOT / "schemas" / "catalog.json").read_text(encoding="utf-8"))
    messages = (trigger for entry in catalog["operations"].values() for trigger in entry["messages"])
    return frozenset(kind for trigger in messages for kind in trigger["types"] if kind != "*")


def unit_problem(found: re.Match[str]) -> str | None:
    """`unit.write(…)`: a member of the unit of work in a body; `now` is set at its start."""
    return None if hasattr(UnitOfWork, found[1]) or found[1] == "now" else "a unit of work has no such thing"


def _variable(found: re.Match[str]) -> str | None:
    return None if found[1] in words() else "no such variable or code"


FILE = re.compile(
    r"^([\w.*{}<>…-]+(/[\w.*{}<>…-]*)+|[\w.-]+\.(py|md|json|sql|tf|yaml|yml|toml|txt|in|cfg)|Dockerfile)$"
)
# The first pattern that matches a text chooses its check.
KINDS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str | None]], ...] = (
    (re.compile(r"^make \w.*"), lambda found: make_problem(found[0])),
    (re.compile(r"^.*\bpython3? -m .*"), lambda found: python_problem(found[0])),
    (re.compile(r"^(?:(GET|POST|PUT|PATCH|DELETE) )?(/[a-z{.][^\s`]*)$"), route_problem),
    (re.compile(r"^([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(=\S*)?$"), _variable),
    (re.compile(r"^unit\.(\w+)"), unit_problem),
    (FILE, file_problem),
    (re.compile(r"^([a-z]+)\.([a-z]+(?:_[a-z]+)*(?:\|[a-z_]+)*)$"), event_problem),
)
