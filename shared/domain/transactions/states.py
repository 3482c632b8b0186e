"""The transaction's state machine as data, and the one function that makes a transition.

    [held →] accepted → nonced → signed → submitted → mined → confirmed | reverted | cancelled | rejected | expired

Before a nonce is taken everything can simply end. From then on the nonce is never given back: undoing means
a no-op on the same nonce, and the outcome is decided by which attempt a block holds. A terminal state is
watched until its block is final and goes back to `submitted` when that block disappears.
"""

from __future__ import annotations

from typing import Final, Literal

from shared.domain.errors import InvalidState

State = Literal[
    "held",
    "accepted",
    "nonced",
    "signed",
    "submitted",
    "mined",
    "confirmed",
    "reverted",
    "cancelled",
    "rejected",
    "expired",
]
Event = Literal[
    "approve",  # by a second person, where the wallet's policy asks for one
    "allocate",  # T1: the lane gave a nonce
    "hasten",  # a caller offers more for it
    "undo",  # cancel, deadline or refusal: ends what has no nonce, asks for a no-op otherwise
    "attempt",  # T2, T4: signed bytes are stored
    "sent",  # T3: a node answered, or did not
    "block",  # funds, fee cap or a foreign nonce hold it up; also lifted by it
    "mined",  # T5: the receipt of one of our hashes
    "final",  # T6: canonical at the chain's confirmation depth
    "reorg",  # T7: its block is no longer canonical
    "finalize",  # no reorganisation can change it any more
    "concede",  # a foreign transaction holds the nonce in a finalized block
    "found",  # a finalized block holds its payment already, by bytes that a lost database had made
]
PublicStatus = Literal[
    "queued", "submitted", "mined", "confirmed", "reverted", "cancelled", "rejected", "expired"
]

TERMINAL: Final[frozenset[State]] = frozenset({"confirmed", "reverted", "cancelled", "rejected", "expired"})
UNSENT: Final[frozenset[State]] = frozenset({"held", "accepted", "nonced"})  # no bytes exist
LIVE: Final[frozenset[State]] = frozenset({"signed", "submitted"})  # bytes exist, no block holds them


def _to(*states: State) -> frozenset[State]:
    return frozenset(states)


TRANSITIONS: Final[dict[tuple[State, Event], frozenset[State]]] = {
    ("held", "approve"): _to("held", "accepted"),
    ("held", "hasten"): _to("held"),
    ("held", "undo"): _to("cancelled", "rejected", "expired"),
    ("accepted", "allocate"): _to("nonced"),
    ("accepted", "hasten"): _to("accepted"),
    ("nonced", "hasten"): _to("nonced"),
    ("signed", "hasten"): _to("signed"),
    ("submitted", "hasten"): _to("submitted"),
    ("accepted", "block"): _to("accepted"),  # not covered now; it has no nonce
    ("accepted", "undo"): _to("cancelled", "rejected", "expired"),
    ("accepted", "found"): _to("submitted"),
    ("nonced", "undo"): _to("nonced"),
    ("nonced", "attempt"): _to("signed"),
    ("signed", "undo"): _to("signed"),
    ("signed", "attempt"): _to("signed"),
    ("signed", "sent"): _to("signed", "submitted"),
    ("signed", "block"): _to("signed"),
    ("signed", "mined"): _to("mined"),
    ("signed", "concede"): _to("rejected"),
    ("submitted", "undo"): _to("submitted"),
    ("submitted", "attempt"): _to("submitted"),
    ("submitted", "sent"): _to("submitted"),
    ("submitted", "block"): _to("submitted"),
    ("submitted", "mined"): _to("mined"),
    ("submitted", "concede"): _to("rejected"),
    ("mined", "mined"): _to("mined"),  # its block was replaced by another that holds it too
    ("mined", "final"): TERMINAL,
    ("mined", "reorg"): _to("submitted"),
    **{(state, "reorg"): _to("submitted") for state in TERMINAL},
    **{(state, "finalize"): _to(state) for state in TERMINAL},
}

PUBLIC: Final[dict[State, PublicStatus]] = {
    "held": "queued",
    "accepted": "queued",
    "nonced": "queued",
    "signed": "queued",
    "submitted": "submitted",
    "mined": "mined",
    "confirmed": "confirmed",
    "reverted": "reverted",
    "cancelled": "cancelled",
    "rejected": "rejected",
    "expired": "expired",
}


def public_status(state: State, blocked_reason: str | None = None) -> PublicStatus:
    """What callers see: a blocked transaction shows as `submitted` whatever its state."""
    return "submitted" if blocked_reason and state in LIVE else PUBLIC[state]


def check(state: State, event: Event, target: State) -> None:
    """Refuse what the table does not hold: InvalidState with `data.status`, the public status."""
    if target not in TRANSITIONS.get((state, event), frozenset()):
        raise InvalidState(
            f"A transaction that is {PUBLIC[state]} does not allow this.", status=PUBLIC[state], event=event
        )
