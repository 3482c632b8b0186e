"""Find deposits to our wallets: native coins by the transactions of a block, registered tokens by their Transfer
logs.

Native coins that a contract transfers within a transaction leave no such trace and are not found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from shared.chain import block_scan
from shared.chain.block_scan import Payment, SourceBlock, SourceLog
from shared.chain.client import ChainClient
from shared.chain.errors import Lagging
from shared.domain.contracts.events import Deposit
from shared.domain.transactions.evidence import TRANSFER_TOPIC
from shared.domain.wallets.wallets import Wallet
from shared.keys.addresses import checksummed
from shared.store.session import Session
from shared.store.tables.contract_events import WALLETS_BY_ADDRESS
from shared.store.tables.wallets import WALLETS

MAX_HOLDERS: Final = 20  # limit of notified wallets per address


@dataclass(frozen=True, slots=True)
class _Transfer:
    to: str
    from_address: str
    token: str | None
    amount: int
    place: int
    transaction_hash: str
    block: SourceBlock


def of(
    client: ChainClient,
    session: Session,
    blocks: Sequence[SourceBlock],
    logs: Sequence[Sequence[SourceLog]],
) -> list[Deposit]:
    """The deposits of the blocks. Raises Lagging if a needed receipt is unavailable, ChainError."""
    tokens = {token.address.lower() for token in client.spec.tokens}
    moved = [
        one
        for block, entries in zip(blocks, logs, strict=True)
        for one in (*_coins(block), *_tokens(block, entries, tokens))
    ]
    wallets = _holders(session, client.spec.name, sorted({one.to for one in moved}))
    ours = [one for one in moved if one.to in wallets]
    unsure = [(one.transaction_hash, one.block.hash) for one in ours if one.token is None]
    outcomes = dict(zip(unsure, block_scan.succeeded(client, unsure), strict=True))
    if None in outcomes.values():
        raise Lagging("a deposit's receipt is not there yet")
    return [
        _deposit(client.spec.name, one, wallet)
        for one in ours
        if one.token or outcomes[one.transaction_hash, one.block.hash]
        for wallet in wallets[one.to]
    ]


def _coins(block: SourceBlock) -> Iterator[_Transfer]:
    for one in block.payments:
        yield _coin(one, block)


def _coin(one: Payment, block: SourceBlock) -> _Transfer:
    return _Transfer(one.to, one.from_address, None, one.value, -1 - one.place, one.hash, block)


def _tokens(block: SourceBlock, logs: Sequence[SourceLog], tokens: set[str]) -> Iterator[_Transfer]:
    for log in logs:
        if log.address not in tokens or len(log.topics) != 3 or log.topics[0] != TRANSFER_TOPIC:
            continue
        amount = int(log.data, 16) if len(log.data) == 66 else 0
        if amount:
            source_address, to = ("0x" + topic[26:] for topic in log.topics[1:])
            yield _Transfer(to, source_address, log.address, amount, log.index, log.transaction_hash, block)


def _holders(session: Session, chain: str, addresses: Sequence[str]) -> dict[str, list[Wallet]]:
    """The active wallets of each of our addresses (lower case)."""
    if not addresses:
        return {}
    places = [(checksummed(bytes.fromhex(one[2:])), chain) for one in addresses]
    entries = session.many(WALLETS_BY_ADDRESS.below(places))
    found: dict[str, list[Wallet]] = {}
    for wallet in session.follow(WALLETS, entries):
        own = found.setdefault(wallet.address.lower(), [])
        if len(own) < MAX_HOLDERS:
            own.append(wallet)
    return found


def _deposit(chain: str, one: _Transfer, wallet: Wallet) -> Deposit:
    return Deposit(
        chain=chain,
        block_hash=one.block.hash,
        place=one.place,
        block_number=one.block.number,
        user_id=wallet.user_id,
        wallet_id=wallet.id,
        address=wallet.address,
        from_address=checksummed(bytes.fromhex(one.from_address[2:])),
        token_address=checksummed(bytes.fromhex(one.token[2:])) if one.token else None,
        amount=one.amount,
        transaction_hash=one.transaction_hash,
    )
