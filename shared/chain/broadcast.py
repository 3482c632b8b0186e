"""Send signed bytes to every healthy endpoint, and combine the answers into one outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.chain.endpoints import Endpoint
from shared.chain.errors import (
    AlreadyKnown,
    ChainError,
    InsufficientFunds,
    NonceTooHigh,
    NonceTooLow,
    ReplacementUnderpriced,
    Underpriced,
    Unsendable,
)
from shared.chain.pool import Pool
from shared.chain.rpc import MAX_BATCH
from shared.domain.transactions.attempts import SendOutcome

_MEANING: Final[tuple[tuple[type[ChainError], SendOutcome], ...]] = (
    (AlreadyKnown, "known"),
    (NonceTooLow, "nonce_too_low"),
    (NonceTooHigh, "nonce_too_high"),
    (ReplacementUnderpriced, "replacement_underpriced"),
    (Underpriced, "underpriced"),
    (InsufficientFunds, "insufficient_funds"),
    (Unsendable, "unsendable"),
)
# One endpoint that has the bytes is enough. A definite answer takes precedence over a missing one, except that bytes
# only count as unsendable if no endpoint may have accepted them.
_STRONGEST: Final[tuple[SendOutcome, ...]] = (
    "sent",
    "known",
    "nonce_too_low",
    "replacement_underpriced",
    "insufficient_funds",
    "underpriced",
    "nonce_too_high",
    "ambiguous",
    "unsendable",
)


@dataclass(frozen=True, slots=True)
class SendResult:
    """`text` is the deciding node's message, without URLs; `hash` is the transaction hash that the node returned."""

    outcome: SendOutcome
    hash: str | None = None
    text: str = ""


def outcome_of(error: ChainError) -> SendOutcome:
    """The outcome that an error means for sent bytes; an error that is not clearly a refusal is ambiguous."""
    return next((outcome for kind, outcome in _MEANING if isinstance(error, kind)), "ambiguous")


def send_many(pool: Pool, raws: Sequence[bytes]) -> list[SendResult]:
    """Send the bytes to each endpoint in the given order, so that the nonces of a lane arrive in order.

    Never raises for a node's answer. WrongChain is also ambiguous, because nothing was sent there."""
    if not raws:
        return []
    answers = pool.broadcast(lambda endpoint: _send(endpoint, raws))
    per_endpoint = [
        [_result(answer)] * len(raws) if isinstance(answer, ChainError) else answer for answer in answers
    ]
    return [_together(results) for results in zip(*per_endpoint, strict=True)]


def _send(endpoint: Endpoint, raws: Sequence[bytes]) -> list[SendResult]:
    calls = [("eth_sendRawTransaction", ["0x" + raw.hex()]) for raw in raws]
    if len(calls) == 1:
        return [_result(endpoint.call(*calls[0]))]
    results: list[SendResult] = []
    for start in range(0, len(calls), MAX_BATCH):
        part = calls[start : start + MAX_BATCH]
        try:
            results += [_result(answer) for answer in endpoint.batch(part)]
        except ChainError as error:
            results += [_result(error)] * len(part)
    return results


def _result(answer: object) -> SendResult:
    if isinstance(answer, ChainError):
        return SendResult(outcome_of(answer), None, f"{type(answer).__name__}: {answer}"[:300])
    return SendResult("sent", answer.lower()) if isinstance(answer, str) else SendResult("ambiguous")


def _together(results: Sequence[SendResult]) -> SendResult:
    return min(results, key=lambda result: _STRONGEST.index(result.outcome))
