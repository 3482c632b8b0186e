"""The transaction's state machine as a table, and the function that checks a transition.

    [held →] accepted → nonced → submitted → mined → confirmed | reverted | cancelled | rejected | expired

Before a nonce is assigned, a transaction can simply end. From then on the nonce is never given back: undoing means a
no-op on the same nonce, and the attempt in the block decides the outcome. A terminal state is watched until its block
is final, and returns to `submitted` if that block disappears.

A transaction is `submitted` from the commit that stores its bytes, because they are sent directly after it. `signed` is
the same in rows of an earlier release, which stored that a node had answered by another write.
"""

from __future__ import annotations

from typing import Final, Literal

from shared.domain.errors import InvalidState

State = Literal[
    "held",
    "accepted",
    "nonced",
    "signed",  # only in rows of an earlier release
    "submitted",
    "mined",
    "confirmed",
    "reverted",
    "cancelled",
    "rejected",
    "expired",
]
Event = Literal[
    "approve",  # by a second person, if the wallet's policy requires it
    "allocate",  # T1: the lane assigned a nonce
    "hasten",  # a caller offers a higher fee
    "undo",  # cancel, deadline or refusal: ends it without a nonce, otherwise requests a no-op
    "attempt",  # T2, T4: signed bytes are stored
    "sent",  # T3: a node answered, or did not
    "block",  # blocked by funds, fee cap or a foreign nonce; also the end of that
    "mined",  # T5: the receipt of one of our hashes
    "final",  # T6: canonical at the chain's confirmation depth
    "reorg",  # T7: its block is no longer canonical
    "finalize",  # no reorganisation can change it any more
    "concede",  # a foreign transaction has the nonce in a finalized block
    "found",  # a finalized block already contains its payment, with bytes from a lost database
]
PublicStatus = Literal[
    "queued", "submitted", "mined", "confirmed", "reverted", "cancelled", "rejected", "expired"
]

TERMINAL: Final[frozenset[State]] = frozenset({"confirmed", "reverted", "cancelled", "rejected", "expired"})
UNSENT: Final[frozenset[State]] = frozenset({"held", "accepted", "nonced"})  # no bytes exist
LIVE: Final[frozenset[State]] = frozenset({"signed", "submitted"})  # bytes exist, no block contains them


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
    ("accepted", "block"): _to("accepted"),  # the balance does not cover it now; it has no nonce
    ("accepted", "undo"): _to("cancelled", "rejected", "expired"),
    ("accepted", "found"): _to("submitted"),
    ("nonced", "undo"): _to("nonced"),
    ("nonced", "attempt"): _to("submitted"),
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
    ("mined", "mined"): _to("mined"),  # another block, which also contains it, replaced its block
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
    """The status that callers see: a blocked transaction is `submitted`, whatever its state."""
    return "submitted" if blocked_reason and state in LIVE else PUBLIC[state]


def check(state: State, event: Event, target: State) -> None:
    """Refuse a transition that is not in the table. Raises InvalidState with `data.status`, the public status."""
    if target not in TRANSITIONS.get((state, event), frozenset()):
        raise InvalidState(
            f"A transaction that is {PUBLIC[state]} does not allow this.", status=PUBLIC[state], event=event
        )
