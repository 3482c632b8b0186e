"""Every type of event there is, `<aggregate>.<verb>`, with what it tells; nothing else can be emitted.

docs/reference.md lists them, `GET /events` filters by them, and the cache's invalidation follows them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from shared.domain.errors import InvalidValue

TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "supply.created": "A supply waits for the check of its wallet's balance.",
        "supply.activated": "The balance covers it: orders can reserve from it.",
        "supply.rejected": "The balance does not cover it; `reason` says what is missing.",
        "supply.updated": "Its amount, what is reserved of it, or its end has changed.",
        "supply.paused": "It gives nothing to new orders, by its owner's wish or because the balance fell short.",
        "supply.resumed": "It gives again.",
        "supply.exhausted": "Nothing of it is available any more.",
        "supply.closed": "It has ended; what was available is the wallet's own again.",
        "order.created": "An order is open and its total reserved.",
        "order.updated": "Its note, its end or how far it is paid has changed.",
        "order.claimed": "Somebody holds it.",
        "order.reopened": "Nobody holds it any more: it can be claimed again.",
        "order.cancelled": "Its owner cancelled it; what was reserved is available again.",
        "order.expired": "Its end came before it was processed; what was reserved is available again.",
        "order.completed": "It is paid, and the payment is final on chain.",
        "order.failed": "Its settlement ended without paying all of it.",
        "order.deleted": "Its owner took it out of the lists.",
        "claim.claimed": "A claim holds its order.",
        "claim.released": "Its holder gave the order back.",
        "claim.expired": "Its lease ran out.",
        "claim.rejected": "The order's owner did not want this holder.",
        "claim.processing": "It is being paid.",
        "claim.processed": "It is paid, and the payment is final on chain.",
        "claim.failed": "Its settlement ended without paying all of it.",
        "transaction.accepted": "A transaction was accepted and waits to be sent.",
        "transaction.approved": "Whoever had to approve it has done so.",
        "transaction.submitted": "A node has it.",
        "transaction.replaced": "Other bytes were signed for its nonce: a higher fee, or its cancellation.",
        "transaction.replacing": "Its replacement was asked for. Between our own functions; in nobody's feed.",
        "transaction.mined": "A block holds it.",
        "transaction.confirmed": "It is deep enough in the chain to count.",
        "transaction.reverted": "The chain refused what it does; `error` says why.",
        "transaction.cancelled": "It does not happen, as somebody wished.",
        "transaction.rejected": "It does not happen: an approver declined it, or a rule refused it.",
        "transaction.expired": "Its deadline passed before it was sent.",
        "transaction.reorged": "The block that held it is no longer part of the chain.",
        "transaction.stuck": "Something holds it up; `blocked_reason` names it.",
        "transaction.waiting": "What it waits for has changed; `waiting_for` names it.",
        "contract.deployed": "The chain holds the contract's code.",
        "contract.failed": "Its deployment ended without code.",
        "contract.reorged": "The block that held its creation is no longer part of the chain.",
        "contract.event": "A followed contract logged something in a block that is deep enough.",
        "contract.events_reorged": "A block whose events were told is no longer part of the chain.",
        "wallet.received": "Coins or tokens came to a wallet, in a block that is deep enough.",
        "wallet.received_reorged": "The block that brought them is no longer part of the chain.",
        "wallet.low_balance": "A wallet that sends has less than its threshold for gas.",
        "account.api_key_created": "An API key was made.",  # pragma: allowlist secret
        "account.api_keys_ended": "API keys were ended.",  # pragma: allowlist secret
        "account.second_factor_added": "A second factor was added.",
        "account.second_factor_removed": "A second factor was removed.",
        "account.password_changed": "The password was changed.",  # pragma: allowlist secret
        "account.mailbox_proven": "The e-mail address was confirmed. Everything that was set up before has ended.",
        "account.sign_ins_ended": "Sign-ins were ended.",
        "account.key_exported": "The private key of a wallet was exported.",
        "account.wallet_deleted": (
            "A wallet was deleted. Its key is kept for 30 days: it can be restored or exported until then."
        ),
        "account.wallet_restored": "A deleted wallet was restored.",
        "account.policy_loosened": "The policy of a wallet was loosened.",
        "account.approver_added": "Somebody was named who may approve payments of a wallet.",
        "account.acted_for": "An administrator was given the right to act for you for some minutes.",
        "account.webhook_added": "A webhook endpoint was added: it is told what happens to your account.",
        "account.webhook_secret_rotated": "A webhook endpoint has a new secret.",  # pragma: allowlist secret
        "webhook.disabled": "Nothing more is delivered to a webhook endpoint; `disabled_reason` says why.",
        "webhook.test": "A test that somebody asked for, to one endpoint; in nobody's feed.",
        "webhook.due": "An endpoint's lane has work. Between our own functions; in nobody's feed.",
        "command.refused": "A command was refused; `error` is what HTTP would have answered.",
        "command.completed": "A command had an answer (`result`) that no other event tells.",
    }
)
# Between our own functions, or to one endpoint alone.
IN_NO_FEED: Final = frozenset({"transaction.replacing", "webhook.test", "webhook.due"})
# What takes commands: from <aggregate>-commands; what comes of them is told on <aggregate>-events.
COMMANDED: Final = ("supply", "order", "claim", "transaction", "contract")
COMMAND_TOPICS: Final = tuple(f"{aggregate}-commands" for aggregate in COMMANDED)
OUTCOME_TOPICS: Final = tuple(f"{aggregate}-events" for aggregate in COMMANDED)
PROBLEM: Final = "must name event types, such as order.created or order.*; data.known lists them"


def of(aggregate: str) -> tuple[str, ...]:
    """The types of one aggregate."""
    return tuple(kind for kind in TYPES if kind.startswith(f"{aggregate}."))


def chosen(names: Iterable[str], *, field: str) -> frozenset[str]:
    """The types that a filter names, each in full or all of an aggregate as `order.*`.

    Raises InvalidValue for anything else; `data.known` lists the types."""
    found: set[str] = set()
    for name in names:
        kinds = of(name.removesuffix(".*")) if name.endswith(".*") else tuple({name} & TYPES.keys())
        if not kinds:
            raise InvalidValue(field, PROBLEM, known=list(TYPES))
        found.update(kinds)
    return frozenset(found)
