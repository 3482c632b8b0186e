"""Dispatch to several operations behind one address: a service of several operations, or the whole product in a local
run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.runtime.operation import Operation
from shared.triggers import http, readiness
from shared.triggers.reply import Reply
from shared.triggers.request_parsing import Incoming, declared


class Router:
    """Finds the operation that a path belongs to."""

    def __init__(self, operations: Mapping[str, Operation]) -> None:
        self._operations = operations
        self._fixed: dict[str, Operation] = {}
        self._patterns: list[tuple[str, Any, Operation]] = []
        for entry in operations.values():
            for trigger in entry.https:
                if "{" in trigger.path:
                    self._patterns.append((trigger.method, trigger.pattern, entry))
                else:
                    self._fixed[f"{trigger.method} {trigger.path}"] = entry
        self._needs = frozenset().union(*(entry.needs for entry in operations.values()))

    def find(self, method: str, path: str) -> Operation | None:
        """The operation for this method and path; otherwise one that serves the path (it answers 405), otherwise
        None."""
        head, _, name = path.lstrip("/").partition("/")
        if head in ("push", "schedule"):
            return self._operations.get(name)
        method = declared(method)
        exact = self._fixed.get(f"{method} {path}")
        if exact is not None:
            return exact
        known = None
        for wanted, pattern, entry in self._patterns:
            if pattern.match(path):
                if wanted == method:
                    return entry
                known = entry
        return known or next((entry for key, entry in self._fixed.items() if key.endswith(f" {path}")), None)

    def elsewhere(self, incoming: Incoming) -> Reply:
        """The reply to other paths: probes of the whole process, and unknown paths."""
        if probe := readiness.probe(incoming.path, self._needs):
            return probe
        return http.unserved(incoming)
