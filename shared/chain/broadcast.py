"""Sending signed bytes: to every healthy endpoint, and what their answers mean together."""

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
# One endpoint that has it is enough; a definite answer beats a missing one, except that bytes are only
# called unsendable when no endpoint may have taken them.
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
    """`text` is the node's message for the deciding answer, without URLs; `hash` is what it called them."""

    outcome: SendOutcome
    hash: str | None = None
    text: str = ""


def outcome_of(error: ChainError) -> SendOutcome:
    """What an error says about sent bytes; whatever is not clearly a refusal is ambiguous."""
    return next((outcome for kind, outcome in _MEANING if isinstance(error, kind)), "ambiguous")


def send_many(pool: Pool, raws: Sequence[bytes]) -> list[SendResult]:
    """Each endpoint gets the bytes in the given order, so that nonces of a lane arrive in order. Never raises
    for what a node says; WrongChain is ambiguous too: nothing was sent there.
    """
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
