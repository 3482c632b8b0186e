"""Before an operator pays or returns what a failed settlement left: does the chain still show that it failed?

Finality is an assumption where a chain has no tag for it. A reorganisation that goes deeper is not followed, but what
it undid may be mined again, and then pay.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shared import resources
from shared.chain.errors import NoQuorum
from shared.domain.errors import InvalidState
from shared.domain.transactions import Attempt, Transaction
from shared.engine.view import View
from shared.store.session import Session
from shared.store.transactions import ATTEMPTS, TRANSACTIONS


def require(chain: str, transaction_ids: Iterable[str]) -> None:
    """Look once more at payments that are final and unpaid by their rows. Outside of any body.

    Raises InvalidState when one may still be paid, ChainError when the chain does not say."""
    session, view = Session(resources.database().snapshot()), View(resources.chain(chain))
    for one in transaction_ids:
        row, attempts = session.read(TRANSACTIONS.get(one), ATTEMPTS.scan(one))
        if row.mined_block_hash is not None and not _stands(view, row, attempts):
            raise InvalidState("The chain does not show any more that a payment has failed.", status="failed")


def _stands(view: View, row: Transaction, attempts: Sequence[Attempt]) -> bool:
    """Whether the outcome's block is still there, or another one, proven and final by now, holds the same outcome."""
    if view.hash_at(row.mined_block_number or 0) == row.mined_block_hash:
        return True
    view.know(attempt.hash for attempt in attempts)
    for attempt in attempts:
        seen = view.receipt(attempt.hash)
        if seen is None or seen.block_number > view.finalized:
            continue
        proven = view.proven_receipts(seen.block_number)
        if proven is None:
            raise NoQuorum("no quorum about the block of a payment")
        receipt = proven.get(attempt.hash)
        return receipt is not None and (attempt.kind == "noop" or not receipt.success)
    return False
