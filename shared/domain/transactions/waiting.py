"""What a transaction waits for: every transaction that is not final says this, and since when."""

from __future__ import annotations

from typing import Final, Literal

from shared.domain.transactions.states import LIVE, TERMINAL, State

WaitingFor = Literal[
    "approval",  # of a second person
    "funds",  # of its address
    "turn",  # a nonce: others of its address come first, or it is about to get one
    "signature",  # it has a nonce but no bytes
    "node",  # to accept its bytes: no node has answered yet, or not understandably
    "fees",  # more is required than it offers, or than it may offer
    "gap",  # nodes do not have an earlier nonce of its address
    "foreign_nonce",  # a decision of its owner or an operator, because another sender used its nonce
    "block",  # to be mined
    "confirmations",  # the chain's depth
    "finality",  # of its block; only a reorganisation would change its outcome
]
BLOCKED: Final[dict[str, WaitingFor]] = {
    "APPROVAL_REQUIRED": "approval",
    "FUNDS_BLOCKED": "funds",
    "FEE_BLOCKED": "fees",
    "FOREIGN_NONCE": "foreign_nonce",
}
_OF_STATES: Final[dict[State, WaitingFor]] = {
    "held": "approval",
    "accepted": "turn",
    "nonced": "signature",
    "signed": "node",
    "submitted": "block",
    "mined": "confirmations",
}
_OF_ANSWERS: Final[dict[str, WaitingFor]] = {
    "ambiguous": "node",
    "nonce_too_high": "gap",
    "underpriced": "fees",
    "replacement_underpriced": "fees",
    "insufficient_funds": "funds",
}
ANNOUNCED: Final[frozenset[WaitingFor]] = frozenset({"node", "fees", "gap"})  # no other event announces these


def waits_for(
    state: State, blocked_reason: str | None, finalized: bool, *, answer: str | None = None
) -> WaitingFor | None:
    """What it waits for, from its state and what blocks it; `answer` is a node's answer to the latest bytes. None:
    nothing."""
    if finalized:
        return None
    if state in TERMINAL:
        return "finality"
    if blocked_reason in BLOCKED:
        return BLOCKED[blocked_reason]
    if state in LIVE and answer is not None:
        return _OF_ANSWERS.get(answer, "block")
    return _OF_STATES[state]
