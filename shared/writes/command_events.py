"""What a command's sender is told: its events carry the command's id, and where there is none, one of these does.

`command.refused` holds the error that HTTP would answer, `command.completed` what HTTP would answer for something that
nothing else tells of: an extended lease, a change that changed nothing, no order to claim.
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
    """The data of such an event, as `unit.emit` takes it."""

    data: Mapping[str, Any]

    def model_dump_json(self) -> str:
        return json.dumps(self.data)


def refused(unit: UnitOfWork, command: Command, error: Mapping[str, Any], topic: str | None = None) -> None:
    """Tell the sender the contract's error object; `topic` is for a type that belongs to none."""
    _emit(unit, "command.refused", command, {"error": error}, topic)


def completed(unit: UnitOfWork, command: Command, answer: str) -> None:
    """Tell the sender the answer (JSON text, or nothing)."""
    _emit(unit, "command.completed", command, {"result": json.loads(answer) if answer else None})


def _emit(
    unit: UnitOfWork, kind: str, command: Command, more: Mapping[str, Any], topic: str | None = None
) -> None:
    data = _EventData({"command": {"id": command.id, "type": command.type}, **more})
    goes_to = topic or f"{command.type.split('.', 1)[0]}-events"
    unit.emit(kind, command.subject, 0, data, feed=[command.subject], topic=goes_to)
