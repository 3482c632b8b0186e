"""Look up the errors of the contract that a transaction calls or creates, in the ABI that its sender has registered.

This is read only to explain a revert, so that other transactions cost nothing; nothing is decided by it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from shared import resources
from shared.domain.contracts.abi import Entry, of_kind
from shared.store.port import StoreError
from shared.store.session import Session
from shared.store.tables import contracts

_log = logging.getLogger(__name__)


def of(user_id: str, chain: str, to: str | None, transaction_id: str | None = None) -> Iterator[Entry]:
    """The ABI entries of the user's contract at `to` (EIP-55), or of the contract that the transaction creates. Empty
    if the user has no such contract or the store does not answer."""
    session = Session(resources.database().snapshot())
    try:
        if to is not None:
            found = contracts.at(session, user_id, chain, to)
        else:
            found = contracts.deployed_by(session, transaction_id) if transaction_id else []
    except StoreError:
        _log.info("the ABI of a contract that reverted cannot be read", exc_info=True)
        return
    for contract in found:
        yield from of_kind(contract.entries, "error")
