"""Events of contracts, following contracts, and what wallets have received."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from schemas.base import Count, Flag, Id, Instant, Page, PageQuery, Request, Resource
from schemas.contracts import Abi, Method
from shared.chain.registry import ChainSpec
from shared.domain.contracts import events as rows
from shared.domain.contracts import follows
from shared.domain.contracts.follows import MAX_CONFIRMATIONS
from shared.keys.addresses import checksummed

Height = Annotated[Count, Field(ge=0, le=2**53)]
Topic = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{64}$")]


def _height(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


QueryHeight = Annotated[int, Field(strict=True, ge=0, le=2**53), BeforeValidator(_height)]


class Factory(Request):
    """The event by which a contract announces others, the argument that holds their address, and their ABI."""

    event: Method
    argument: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    abi: Abi


class FollowContract(Request):
    """Without `from_block` the chain's newest block is used; earlier events are filled in. `confirmations` is
    the depth at which events are announced, by default that of the chain.
    """

    contract_id: Id
    from_block: Height | None = None
    confirmations: Annotated[Count, Field(ge=1, le=MAX_CONFIRMATIONS)] | None = None
    announce: Flag = True
    factory: Factory | None = None


class GetFollow(Request):
    contract_id: Id


class FollowFactory(Resource):
    """`contracts` is the number of contracts it has added, without those that were since followed in another way, or
    are followed no longer."""

    event: str
    argument: str
    contracts: Count


class IndexState(Resource):
    """How far the chain is indexed. `fault`: `no_quorum` its nodes disagree or lag behind · `unanswered` they
    do not answer · `forked` they show another chain than the indexed one, from too far back to be repaired.
    """

    indexed_to: Count
    head: Count
    final: Count
    fault: rows.IndexFault | None
    updated_at: Instant


class ContractFollow(Resource):
    """Events are there from `from_block` up to `filled_to`, and behind `fill_until`: in between, `blocks_missing` are
    still to be filled in. `live`: new blocks are looked at. `gap_block` is the first block whose events no node gives.
    `fault`: `pruned` nodes do not have the blocks any more · `disagree` they do not agree, or are on another fork."""

    contract_id: str
    chain: str
    address: str
    from_block: Count
    confirmations: Count
    announce: bool
    factory: FollowFactory | None
    parent_id: str | None
    live: bool
    filled_to: Count
    fill_until: Count
    blocks_missing: Count
    gap_block: Count | None
    fault: follows.Fault | None
    index: IndexState | None
    version: int
    created_at: Instant
    updated_at: Instant

    @classmethod
    def of(
        cls,
        follow: follows.Follow,
        address: follows.FollowedAddress,
        index: rows.ChainIndex | None,
    ) -> ContractFollow:
        factory = None
        if follow.factory_event and follow.factory_argument:
            factory = FollowFactory(
                event=follow.factory_event, argument=follow.factory_argument, contracts=follow.children
            )
        state = None
        if index is not None:
            state = IndexState(
                indexed_to=index.number,
                head=index.head,
                final=index.final_number,
                fault=index.fault,
                updated_at=index.updated_at,
            )
        return cls(
            contract_id=follow.id,
            chain=follow.chain,
            address=checksummed(bytes.fromhex(follow.address[2:])),
            from_block=follow.from_block,
            confirmations=follow.confirmations,
            announce=follow.announced,
            factory=factory,
            parent_id=follow.parent_id,
            live=address.live and address.work is None,  # else `blocks_missing` is not known yet
            filled_to=max(0, follow.from_block - 1 if follow.filled_to is None else follow.filled_to),
            fill_until=max(0, follow.from_block - 1 if follow.fill_until is None else follow.fill_until),
            blocks_missing=follow.missing,
            gap_block=address.gap_block,
            fault=follow.fault,
            index=state,
            version=follow.version,
            created_at=follow.created_at,
            updated_at=follow.updated_at,
        )


class ListContractEvents(PageQuery):
    """Any other parameter is an indexed argument of `event` and its required value. `topic1` to `topic3` are
    raw topics, for arguments without a name.
    """

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)

    contract_id: Id
    event: Method | None = None
    from_block: QueryHeight | None = None
    to_block: QueryHeight | None = None
    topic1: Topic | None = None
    topic2: Topic | None = None
    topic3: Topic | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.from_block is not None and self.to_block is not None and self.from_block > self.to_block:
            raise PydanticCustomError("blocks", "from_block must not be above to_block")
        raw = {"topic1": self.topic1, "topic2": self.topic2, "topic3": self.topic3}
        lone = [name for name, value in {**(self.model_extra or {}), **raw}.items() if value is not None]
        if lone and self.event is None:
            raise PydanticCustomError("argument", "is an argument of no event: name the event")
        return self

    @property
    def arguments(self) -> dict[str, str]:
        """The indexed arguments by name."""
        return {name: str(value) for name, value in (self.model_extra or {}).items()}


class LoggedEvent(Resource):
    """`event`, `signature` and `arguments` are null if the ABI of the contract does not have the event. `data`
    is cut after 32 KiB; `data_bytes` is its full length. `final`: no reorganisation can remove it.
    """

    block_number: Count
    block_hash: str
    transaction_hash: str
    log_index: Count
    event: str | None
    signature: str | None
    arguments: Any
    topics: list[str]
    data: str
    data_bytes: Count
    final: bool

    @classmethod
    def of(cls, log: rows.ContractEvent, decoded: rows.Decoded | None, final_number: int) -> LoggedEvent:
        return cls(
            block_number=log.block_number,
            block_hash=log.block_hash,
            transaction_hash=log.transaction_hash,
            log_index=log.log_index,
            event=decoded.event if decoded else None,
            signature=decoded.signature if decoded else None,
            arguments=decoded.arguments if decoded else None,
            topics=list(log.topics),
            data=log.data,
            data_bytes=log.data_bytes,
            final=log.block_number <= final_number,
        )


class ContractEventPage(Page[LoggedEvent]):
    """Newest first."""


class ContractEvents(Resource):
    """The events of a contract in one block. `more` events of the block are only in the list of events."""

    contract_id: str
    chain: str
    address: str
    block_number: Count
    block_hash: str
    events: list[LoggedEvent]
    more: Count


class GoneEvent(Resource):
    transaction_hash: str
    log_index: Count


class EventsReorged(Resource):
    """A reorganisation removed a block and these events of the contract with it; at most 100 of `count` are listed."""

    contract_id: str
    chain: str
    address: str
    block_number: Count
    block_hash: str
    count: Count
    events: list[GoneEvent]

    @classmethod
    def of(
        cls, follow: follows.Follow, block: rows.IndexedBlock, gone: Sequence[rows.ContractEvent]
    ) -> EventsReorged:
        return cls(
            contract_id=follow.id,
            chain=follow.chain,
            address=checksummed(bytes.fromhex(follow.address[2:])),
            block_number=block.number,
            block_hash=block.hash,
            count=len(gone),
            events=[
                GoneEvent(transaction_hash=one.transaction_hash, log_index=one.log_index)
                for one in gone[:100]
            ],
        )


class Received(Resource):
    """What a wallet received: `amount` in base units of `currency`, the chain's coin or a registered token."""

    wallet_id: str
    chain: str
    address: str
    from_address: str
    currency: str
    token_address: str | None
    amount: str
    transaction_hash: str
    block_number: Count
    block_hash: str
    log_index: Count | None
    final: bool

    @classmethod
    def of(cls, deposit: rows.Deposit, spec: ChainSpec, final_number: int) -> Received:
        tokens = {token.address: token.symbol for token in spec.tokens}
        return cls(
            wallet_id=deposit.wallet_id,
            chain=deposit.chain,
            address=deposit.address,
            from_address=deposit.from_address,
            currency=tokens.get(deposit.token_address or "", deposit.token_address or spec.symbol),
            token_address=deposit.token_address,
            amount=str(deposit.amount),
            transaction_hash=deposit.transaction_hash,
            block_number=deposit.block_number,
            block_hash=deposit.block_hash,
            log_index=deposit.place if deposit.token_address else None,
            final=deposit.block_number <= final_number,
        )


class ListDeposits(PageQuery):
    wallet_id: Id


class DepositPage(Page[Received]):
    """Newest first."""


class UpdateAbi(Request):
    contract_id: Id
    abi: Abi
