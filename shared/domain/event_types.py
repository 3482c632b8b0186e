"""All event types, `<aggregate>.<verb>`, each with its meaning; nothing else can be emitted.

docs/reference.md lists them, `GET /events` filters by them, and the cache's invalidation follows them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from shared.domain.errors import InvalidValue

TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "supply.created": "A supply was created; the balance of its wallet is checked next.",
        "supply.activated": "The balance covers the supply: orders can reserve from it.",
        "supply.rejected": "The balance does not cover the supply; `reason` says what is missing.",
        "supply.updated": "The supply's amount, reserved part or expiry has changed.",
        "supply.paused": "New orders cannot reserve from the supply: its owner paused it, or the balance fell short.",
        "supply.resumed": "Orders can reserve from the supply again.",
        "supply.exhausted": "Nothing of the supply is available any more.",
        "supply.closed": "The supply has ended; its available amount was released to the wallet.",
        "order.created": "An order was placed and its total reserved.",
        "order.updated": "The order's note, expiry or paid part has changed.",
        "order.claimed": "The order has a claim.",
        "order.reopened": "The claim on the order ended unpaid: the order can be claimed again.",
        "order.cancelled": "Its owner cancelled the order; the reserved amounts are available again.",
        "order.expired": "The order expired before it was processed; the reserved amounts are available again.",
        "order.completed": "The order is paid, and the payment is final on chain.",
        "order.failed": "The settlement of the order ended with an unpaid part.",
        "order.deleted": "Its owner removed the order from the lists.",
        "claim.claimed": "A claim was made and holds its order.",
        "claim.released": "The claimer gave the order back.",
        "claim.expired": "The lease of the claim ran out.",
        "claim.rejected": "The order's owner took the order back.",
        "claim.processing": "The claim is being paid.",
        "claim.processed": "The claim is paid, and the payment is final on chain.",
        "claim.failed": "The settlement of the claim ended with an unpaid part.",
        "transaction.accepted": "A transaction was accepted and waits to be sent.",
        "transaction.approved": "The transaction has the approvals it needed.",
        "transaction.submitted": "The transaction is signed and on its way to the nodes.",
        "transaction.replaced": "The transaction was replaced on its nonce: by higher fees, or by its cancellation.",
        "transaction.replacing": "A replacement was requested. Internal: never in a user's feed.",
        "transaction.mined": "A block contains the transaction.",
        "transaction.confirmed": "The transaction is confirmed: its block has the required depth.",
        "transaction.reverted": "The transaction was mined but reverted; `error` says why.",
        "transaction.cancelled": "The transaction was cancelled and moves nothing.",
        "transaction.rejected": "The transaction will not be executed: an approver declined it, or a rule refused it.",
        "transaction.expired": "The deadline of the transaction passed before it was sent.",
        "transaction.reorged": "The block of the transaction is no longer part of the chain.",
        "transaction.stuck": "The transaction is blocked; `blocked_reason` says by what.",
        "transaction.waiting": "The transaction now waits for something else; `waiting_for` says for what.",
        "contract.deployed": "The contract is deployed.",
        "contract.failed": "The deployment of the contract failed.",
        "contract.reorged": "The block of the deployment is no longer part of the chain.",
        "contract.deleted": "Its owner deleted the contract; its events are no longer followed.",
        "contract.event": "A followed contract emitted events in a confirmed block.",
        "contract.events_reorged": "A block whose events were announced is no longer part of the chain.",
        "wallet.received": "A wallet received coins or tokens in a confirmed block.",
        "wallet.received_reorged": "The block of a deposit is no longer part of the chain.",
        "wallet.low_balance": "A sending wallet has less native balance than its threshold for gas.",
        "account.api_key_created": "An API key was made.",  # pragma: allowlist secret
        "account.api_keys_ended": "API keys were ended.",  # pragma: allowlist secret
        "account.second_factor_added": "A second factor was added.",
        "account.second_factor_removed": "A second factor was removed.",
        "account.second_factor_refused": "Wrong codes of the second factor were sent.",
        "account.password_changed": "The password was changed.",  # pragma: allowlist secret
        "account.mailbox_proven": "The e-mail address was confirmed. Everything that was set up before has ended.",
        "account.sign_ins_ended": "Sign-ins were ended.",
        "account.key_exported": "The private key of a wallet was exported.",
        "account.wallet_deleted": (
            "A wallet was deleted. Its key is kept for 30 days: it can be restored or exported until then."
        ),
        "account.wallet_restored": "A deleted wallet was restored.",
        "account.policy_loosened": "The policy of a wallet was loosened.",
        "account.approver_added": "A new approver was named in the policy of a wallet.",
        "account.acted_for": "An administrator got the right to act for you for a few minutes.",
        "account.webhook_added": "A webhook endpoint was added: it receives events of your account.",
        "account.mail_requested": (
            "A mail to an account was requested; the account may not exist. Internal: never in a user's feed."
        ),
        "account.webhook_secret_rotated": "A webhook endpoint has a new secret.",  # pragma: allowlist secret
        "webhook.disabled": "A webhook endpoint was disabled and receives nothing more; `disabled_reason` says why.",
        "webhook.test": "A test event, requested for one endpoint. Never in a user's feed.",
        "webhook.due": "The lane of a webhook endpoint has work. Internal: never in a user's feed.",
        "command.refused": "A command was refused; `error` is the error that HTTP would have returned.",
        "command.completed": "A command is done; `result` is its answer, which no other event contains.",
    }
)
# Internal events, and events for one endpoint alone.
IN_NO_FEED: Final = frozenset(
    {"transaction.replacing", "account.mail_requested", "webhook.test", "webhook.due"}
)
# Aggregates that take commands, on <aggregate>-commands; the results are events on <aggregate>-events.
COMMANDED: Final = ("supply", "order", "claim", "transaction", "contract")
COMMAND_TOPICS: Final = tuple(f"{aggregate}-commands" for aggregate in COMMANDED)
OUTCOME_TOPICS: Final = tuple(f"{aggregate}-events" for aggregate in COMMANDED)
# Topics of a transaction's outcome, and of what a payment's outcome changes.
PAYMENT_TOPICS: Final = ("transaction-events", "claim-events", "order-events", "supply-events")
PROBLEM: Final = "must name event types, such as order.created or order.*; data.known lists them"


def of(aggregate: str) -> tuple[str, ...]:
    """The types of one aggregate."""
    return tuple(kind for kind in TYPES if kind.startswith(f"{aggregate}."))


def chosen(names: Iterable[str], *, field: str) -> frozenset[str]:
    """The event types that a filter names: a full name, or all types of an aggregate as `order.*`.

    Raises InvalidValue for anything else; `data.known` lists the types."""
    found: set[str] = set()
    for name in names:
        kinds = of(name.removesuffix(".*")) if name.endswith(".*") else tuple({name} & TYPES.keys())
        if not kinds:
            raise InvalidValue(field, PROBLEM, known=list(TYPES))
        found.update(kinds)
    return frozenset(found)
