"""The digest of all files that an operation's behaviour depends on: its module, all its imports, the data files that
these name, the entry point, the pinned requirements and the Dockerfile. An operation whose digest equals the running
revision's need not be deployed again."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterator, Set
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PACKAGES = ("functions", "shared", "schemas")
ALWAYS = ("functions/main.py", "requirements.txt", "infra/Dockerfile")
GRPC = "grpc-"  # prefix of services that answer gRPC
SCALES = ("trust", "operation", "group")


def services(granularity: str, grpc: bool = False) -> dict[str, list[str]]:
    """The Cloud Run services with their operations, grouped as in infra/catalog.tf."""
    found: dict[str, list[str]] = {}
    named = "service" if granularity == "operation" else granularity
    for name, entry in catalog().items():
        found.setdefault(entry[named].replace("_", "-"), []).append(name)
    if grpc:
        found |= {
            f"{GRPC}{service}": names
            for service, names in found.items()
            if any("grpc" in catalog()[name] for name in names)
        }
    return found


def homes(services: dict[str, list[str]], reading: Set[str], writing: Set[str]) -> dict[str, Set[str]]:
    """The regions of each service, as in infra/catalog.tf: reads near users, writes near Spanner's leader and its
    standby."""
    found: dict[str, Set[str]] = {}
    for service, names in services.items():
        entries = [catalog()[name] for name in names]
        reads = any(not route["writes"] for entry in entries for route in entry["http"])
        writes = any(entry["writes"] for entry in entries)
        found[service] = (reading if reads else set()) | (writing if writes else set())
    return found


@cache
def catalog() -> dict[str, dict[str, Any]]:
    operations: dict[str, dict[str, Any]] = json.loads((ROOT / "schemas/catalog.json").read_text())[
        "operations"
    ]
    return operations


def digest(operations: list[str], service: str = "") -> str:
    """The digest of all files that these operations depend on in this service; 32 characters, so that it fits in a
    label."""
    found = {path for name in operations for path in closure(catalog()[name]["module"])}
    if service.startswith(GRPC):
        found |= closure("functions.grpc_server") | {"schemas/openapi.json", "schemas/proto/numbers.json"}
    files = sorted(found | set(ALWAYS))
    total = hashlib.sha256()
    for path in files:
        total.update(f"{path}\n{_content(path)}\n".encode())
    return total.hexdigest()[:32]


@cache
def _content(path: str) -> str:
    return hashlib.sha256((ROOT / path).read_bytes()).hexdigest()


def closure(module: str) -> set[str]:
    """All files below the root that belong to a module or its imports, including late imports."""
    found: set[str] = set()
    waiting = [*_with_packages(module), "functions.main"]
    if any(entry["module"] == module and entry["trust"] == "streams" for entry in catalog().values()):
        waiting.append("functions.stream_server")
    while waiting:
        file = _file(waiting.pop())
        if file and file not in found:
            found.add(file)
            imported, data = _needs(file)
            waiting += imported
            found |= data
    return found


@cache
def _file(module: str) -> str | None:
    path = module.replace(".", "/")
    return next((file for file in (f"{path}.py", f"{path}/__init__.py") if (ROOT / file).is_file()), None)


@cache
def _needs(file: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """The project's modules that a file imports anywhere, and the data files that it names, in its folder or the
    parent."""
    tree = ast.parse((ROOT / file).read_text())
    folder = (ROOT / file).parent
    named = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    folders = [folder, folder.parent] if folder.parent != ROOT else [folder]
    data = {str((at / name).relative_to(ROOT)) for name in named for at in folders if _is_data(at, name)}
    return tuple(dict.fromkeys(_imports(tree, file))), frozenset(data)


def _is_data(folder: Path, name: str) -> bool:
    return 2 < len(name) < 64 and "/" not in name and not name.endswith(".py") and (folder / name).is_file()


def _imports(tree: ast.AST, file: str) -> Iterator[str]:
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
        for name in names:
            if name.split(".")[0] in PACKAGES:
                yield from _with_packages(name)


def _with_packages(module: str) -> Iterator[str]:
    """A module and its parent packages, which importing it also runs."""
    parts = module.split(".")
    yield from (".".join(parts[:length]) for length in range(1, len(parts) + 1))
