"""Events that answer the sender of a command. A command's own events carry its id; a command without events gets one
of these.

`command.refused` holds the error that HTTP would return. `command.completed` holds the answer that HTTP would return
if no other event contains it: an extended lease, a change that changed nothing, no order to claim.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.runtime.context import Command

if TYPE_CHECKING:
    from shared.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class _EventData:
    """The data of such an event, as `unit.emit` expects it."""

    data: Mapping[str, Any]

    def model_dump_json(self) -> str:
        return json.dumps(self.data)


def refused(unit: UnitOfWork, command: Command, error: Mapping[str, Any], topic: str | None = None) -> None:
    """Emit `command.refused` with the error object; `topic` is used for a command type that belongs to no aggregate."""
    _emit(unit, "command.refused", command, {"error": error}, topic)


def completed(unit: UnitOfWork, command: Command, answer: str) -> None:
    """Emit `command.completed` with the answer (JSON text, or nothing)."""
    _emit(unit, "command.completed", command, {"result": json.loads(answer) if answer else None})


def _emit(
    unit: UnitOfWork, kind: str, command: Command, more: Mapping[str, Any], topic: str | None = None
) -> None:
    data = _EventData({"command": {"id": command.id, "type": command.type}, **more})
    goes_to = topic or f"{command.type.split('.', 1)[0]}-events"
    unit.emit(kind, command.subject, 0, data, feed=[command.subject], topic=goes_to)
