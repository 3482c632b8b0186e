"""Find the transactions of an address that this database does not know, and the claims that they probably paid."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from shared import resources
from shared.chain import evidence
from shared.chain.client import ChainClient
from shared.chain.errors import NoQuorum
from shared.chain.registry import checksum
from shared.domain.desk.claims import Claim
from shared.domain.transactions.evidence import decoded, transfer_logged
from shared.domain.transactions.forgotten import LOST, Found
from shared.domain.transactions.lanes import Lane
from shared.engine.forgotten_payments import prove
from shared.ops import quorum
from shared.store.session import Session
from shared.store.tables import claims, orders
from shared.store.tables.contract_events import WALLETS_BY_ADDRESS
from shared.store.tables.transactions import ATTEMPTS, TRANSACTIONS, nonces

MAX_NONCES: Final = 200  # nonces of one address that are checked
LOOKED_BACK: Final = 50_000  # blocks that are searched first; earlier ones follow if necessary


def of_lane(session: Session, lane: Lane) -> Iterator[Found]:
    """The final transactions of an address that have no row here, newest first. Stops at the first row whose bytes are
    here, and after MAX_NONCES nonces. Raises ChainError."""
    client = resources.chain(lane.chain)
    height = quorum.wait_for(client, lambda: evidence.finalized(client))
    count = quorum.wait_for(
        client, lambda: evidence.nonce_at(client, lane.address, height, client.head().number)
    )
    for nonce in range(count - 1, max(-1, count - 1 - MAX_NONCES), -1):
        rows = session.follow(TRANSACTIONS, session.many(nonces(lane.id, nonce, nonce + 1)))
        if any(made.raw != LOST for row in rows for made in session.many(ATTEMPTS.scan(row.id))):
            return
        if not rows:
            yield quorum.wait_for(client, partial(_sent, client, lane.address, nonce, height))


def _sent(client: ChainClient, address: str, nonce: int, height: int) -> Found:
    low = max(0, height - LOOKED_BACK)
    head = client.head().number
    mined = evidence.mined_with_nonce(client, address, nonce, low=low, high=height, head=head)
    if mined is None:
        raise NoQuorum("nodes do not agree about what was sent")
    return prove(client, mined.hash)


def claims_of(session: Session, found: Found) -> list[str]:
    """The ids of the live or failed claims that it may have paid, by the recipient and amount of an unpaid part."""
    transfers = [arguments for name, arguments in map(decoded, found.receipt.logs) if name == "Transfer"]
    paid = {
        found.to and checksum(found.to),
        *(checksum(arguments["to"]) for arguments in transfers if arguments),
    } - {None}
    wallets = [entry for to in paid for entry in session.many(WALLETS_BY_ADDRESS.scan(to, found.chain))]
    entries = [one for wallet in wallets for one in session.many(claims.CLAIMS_BY_WALLET.scan(wallet["id"]))]
    return [
        claim.id for claim in session.follow(claims.CLAIMS, entries) if _may_have_paid(session, found, claim)
    ]


def _may_have_paid(session: Session, found: Found, claim: Claim) -> bool:
    for part in session.many(orders.allocations_of(claim.order_id)):
        amount, token = part.amount, claim.token_address
        logs = found.receipt.logs
        if part.status != "reserved":
            continue
        if token and transfer_logged(logs, token, found.from_address, claim.recipient, amount):
            return True
        if not token and (checksum(found.to or claim.recipient), found.value) == (claim.recipient, amount):
            return True
    return False
