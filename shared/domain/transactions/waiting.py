"""What a transaction waits for: every one that is not final says so, and since when."""

from __future__ import annotations

from typing import Final, Literal

from shared.domain.transactions.states import LIVE, TERMINAL, State

WaitingFor = Literal[
    "approval",  # a second person's
    "funds",  # of its address
    "turn",  # a nonce: others of its address are before it, or it is about to get one
    "signature",  # it has a nonce and no bytes
    "node",  # to take its bytes: none has answered yet, or none understandably
    "fees",  # more is asked for than is offered, or than may be offered
    "gap",  # an earlier nonce of its address that nodes do not have
    "foreign_nonce",  # what its owner or an operator decides: its nonce was used by another sender
    "block",  # to be mined
    "confirmations",  # the chain's depth
    "finality",  # of its block; its outcome stands unless the chain is reorganised
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
TOLD: Final[frozenset[WaitingFor]] = frozenset({"node", "fees", "gap"})  # where no other event says so


def waits_for(
    state: State, blocked_reason: str | None, finalized: bool, *, answer: str | None = None
) -> WaitingFor | None:
    """By its state and what blocks it; `answer` is what a node said to the latest bytes. None: nothing more comes."""
    if finalized:
        return None
    if state in TERMINAL:
        return "finality"
    if blocked_reason in BLOCKED:
        return BLOCKED[blocked_reason]
    if state in LIVE and answer is not None:
        return _OF_ANSWERS.get(answer, "block")
    return _OF_STATES[state]
