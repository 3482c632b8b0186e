"""The model of each event type's `data`: the resource as GET would return it to the reader, or a separate notice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from schemas.auth import AccountNotice
from schemas.base import Resource
from schemas.claims import Claim
from schemas.contract_events import ContractEvents, EventsReorged, Received
from schemas.contracts import Contract
from schemas.errors import ErrorBody
from schemas.orders import OrderView
from schemas.supplies import Supply
from schemas.transactions import LowBalance, Transaction
from schemas.webhooks import Webhook, WebhookTest


class CommandName(Resource):
    """A command, by the id and the type that its sender gave it."""

    id: str
    type: str


class CommandRefused(Resource):
    """The error that HTTP would have returned for the command."""

    command: CommandName
    error: ErrorBody


class CommandCompleted(Resource):
    """The answer to a command that no other event contains."""

    command: CommandName
    result: dict[str, Any] | None


# By event type, otherwise by aggregate, which is the first part of the type.
_MODELS: Final[Mapping[str, type[Any]]] = {
    "supply": Supply,
    "order": OrderView,
    "claim": Claim,
    "transaction": Transaction,
    "contract.deployed": Contract,
    "contract.failed": Contract,
    "contract.reorged": Contract,
    "contract.deleted": Contract,
    "contract.event": ContractEvents,
    "contract.events_reorged": EventsReorged,
    "wallet.received": Received,
    "wallet.received_reorged": Received,
    "wallet.low_balance": LowBalance,
    "account": AccountNotice,
    "webhook": Webhook,
    "webhook.test": WebhookTest,
    "command.refused": CommandRefused,
    "command.completed": CommandCompleted,
}


def model_of(kind: str) -> type[Any] | None:
    """The model of the data of this event type; None if it may be any object."""
    return _MODELS.get(kind) or _MODELS.get(kind.partition(".")[0])
