"""Transactions as their sender sees them. Amounts, fees and prices are base-unit integer strings, gas is an integer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from schemas.base import (
    Address,
    BaseUnits,
    ChainName,
    Count,
    Id,
    Instant,
    Metadata,
    Notes,
    OwnedQuery,
    Page,
    Request,
    Resource,
    optional_text,
    shown,
)
from shared.chain import tokens
from shared.domain.transactions import low_balances, transactions
from shared.domain.transactions.states import PublicStatus
from shared.domain.transactions.transactions import AttemptKind, BlockedReason, Speed
from shared.domain.transactions.waiting import WaitingFor

PositiveUnits = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,77}$")]
HexData = Annotated[str, StringConstraints(pattern=r"^0x([0-9a-fA-F]{2})*$")]
Word = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{64}$")]
Gas = Annotated[Count, Field(ge=1, le=2**53)]


class TokenAmount(Request):
    """A token transfer to the `to` of the transaction: for ERC-20 an `amount` in base units, for ERC-721 a
    `token_id`, for ERC-1155 both. Policies judge the latter two as contract calls.
    """

    address: Address
    type: Literal["erc20", "erc721", "erc1155"] = "erc20"
    amount: PositiveUnits | None = None
    token_id: BaseUnits | None = None

    @model_validator(mode="after")
    def _by_type(self) -> Self:
        named, counted = self.token_id is not None, self.amount is not None
        wrong = {
            "erc20": named or not counted,
            "erc721": not named or self.amount not in (None, "1"),
            "erc1155": not (named and counted),
        }
        if wrong[self.type]:
            raise PydanticCustomError("token", "ERC-20 has an amount, ERC-721 a token_id, ERC-1155 both")
        return self


class AccessListEntry(Request):
    """EIP-2930."""

    address: Address
    storage_keys: Annotated[list[Word], Field(max_length=256)] = Field(default_factory=list)


class TransactionCall(Request):
    """A transaction to send or try; `to` may be null only if `data` is the code of a contract to create."""

    wallet_id: Id | None = None
    chain: ChainName | None = None
    to: Address | None = None
    value: BaseUnits = "0"
    data: HexData = "0x"
    token: TokenAmount | None = None
    access_list: Annotated[list[AccessListEntry], Field(max_length=256)] | None = None
    gas: Gas | None = None

    @model_validator(mode="after")
    def _token_alone(self) -> Self:
        if self.token is not None and (self.to is None or self.value != "0" or self.data != "0x"):
            raise PydanticCustomError("token", "token needs a recipient and goes without value and data")
        return self


class SendTransaction(TransactionCall):
    """Either `speed`, or fees of your own: the EIP-1559 pair or, on legacy chains, `gas_price`."""

    speed: Speed | None = None
    max_fee_per_gas: PositiveUnits | None = None
    max_priority_fee_per_gas: BaseUnits | None = None
    gas_price: PositiveUnits | None = None
    deadline: Instant | None = None
    metadata: Metadata | None = None


class GetTransaction(Request):
    transaction_id: Id


class ListTransactions(OwnedQuery):
    wallet_id: Id | None = None
    status: PublicStatus | None = None
    chain: ChainName | None = None


class TransactionByHash(Request):
    """The hash of any attempt of one of the caller's transactions."""

    chain: ChainName
    hash: Word


class ReplaceTransaction(Request):
    """Cancel the transaction or raise its fees."""

    transaction_id: Id


class ApproveTransaction(Request):
    """The decision of the second person. `reason` is shown to the sender of a declined transaction."""

    transaction_id: Id
    decision: Literal["approve", "decline"] = "approve"
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(shown)] | None = (
        None
    )


class DeclineTransaction(Request):
    """`reason` is shown to the sender."""

    transaction_id: Id
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(shown)] | None = (
        None
    )


class SentToken(Resource):
    """`amount` in base units; `token_id` is null for ERC-20. A call that is exactly the transfer of a single
    token of the wallet is shown as one, however it was requested.
    """

    address: str
    type: Literal["erc20", "erc721", "erc1155"]
    amount: str
    token_id: str | None

    @classmethod
    def of(cls, tx: transactions.Transaction) -> tuple[SentToken | None, str | None]:
        """(The token that the transaction moves, or None; the recipient of the token or of the value.)"""
        if tx.token_address is not None:
            amount = str(tx.token_amount)
            return cls(
                address=tx.token_address, type="erc20", amount=amount, token_id=None
            ), tx.token_recipient
        single = tokens.decoded_safe_transfer(tx.from_address, tx.data) if tx.to and not tx.value else None
        if single is None or tx.to is None:
            return None, tx.to
        number, amount = str(single.token_id), str(single.amount)
        return cls(address=tx.to, type=single.type, amount=amount, token_id=number), single.recipient


class AttemptPart(Resource):
    """One signed version of the transaction on its nonce; the one that a block contains decides. `noop` moves
    nothing: it cancels the transaction.
    """

    hash: str
    kind: AttemptKind
    max_fee_per_gas: str | None
    max_priority_fee_per_gas: str | None
    gas_price: str | None
    sent_at: Instant | None

    @classmethod
    def of(cls, attempt: transactions.Attempt) -> AttemptPart:
        return cls(
            hash=attempt.hash,
            kind=attempt.kind,
            max_fee_per_gas=optional_text(attempt.max_fee_per_gas),
            max_priority_fee_per_gas=optional_text(attempt.max_priority_fee_per_gas),
            gas_price=optional_text(attempt.gas_price),
            sent_at=attempt.first_sent_at or attempt.created_at,  # sent directly after it is stored
        )


class Failure(Resource):
    """Why the transaction failed."""

    code: str
    message: str | None


class Waiting(Resource):
    """What an unfinished transaction waits for, and since when."""

    reason: WaitingFor
    since: Instant

    @classmethod
    def of(cls, tx: transactions.Transaction) -> Waiting | None:
        """None if the transaction is final."""
        return cls(reason=tx.waiting[0], since=tx.waiting[1]) if tx.waiting else None


class Transaction(Resource):
    """`to` is the receiver of the value or tokens; `hash` is that of the latest attempt, after mining that of
    the mined one. While it waits for a second person, `blocked_reason` is APPROVAL_REQUIRED, and it ends at
    `approval_until`. `confirmations` is null if the chain does not answer, and 0 until a block contains it.
    """

    model_config = ConfigDict(frozen=True, serialize_by_alias=True, validate_by_name=True)

    id: str
    wallet_id: str
    user_id: str
    chain: str
    chain_id: Count
    status: PublicStatus
    blocked_reason: BlockedReason | None
    waiting_for: Waiting | None
    from_: Annotated[str, Field(alias="from")]
    to: str | None
    value: str
    data: str
    token: SentToken | None
    nonce: Count | None
    hash: str | None
    attempts: list[AttemptPart]
    block_number: Count | None
    block_hash: str | None
    confirmations: Count | None
    finalized: bool
    gas: Count
    gas_used: Count | None
    effective_gas_price: str | None
    contract_address: str | None
    cancel_requested: bool
    claim_id: str | None
    deadline: Instant | None
    approval_until: Instant | None
    approved_by: str | None
    approvals: list[str] | None
    error: Failure | None
    metadata: Notes = Field(default_factory=dict)
    version: int
    created_at: Instant
    updated_at: Instant

    @classmethod
    def of(
        cls,
        tx: transactions.Transaction,
        attempts: Iterable[transactions.Attempt],
        chain_id: int,
        head: int | None = None,
    ) -> Transaction:
        """`head` is the chain's newest height, for the confirmations."""
        same = ("id", "wallet_id", "user_id", "chain", "status", "blocked_reason", "nonce", "hash")
        more = (
            "gas",
            "gas_used",
            "contract_address",
            "cancel_requested",
            "claim_id",
            "deadline",
            "approval_until",
            "approved_by",
            "approvals",
            "finalized",
        )
        last = ("version", "created_at", "updated_at")
        token, recipient = SentToken.of(tx)
        return cls(
            **{name: getattr(tx, name) for name in (*same, *more, *last)},
            chain_id=chain_id,
            waiting_for=Waiting.of(tx),
            from_=tx.from_address,
            to=recipient,
            value=str(tx.value),
            data="0x" + tx.data.hex(),
            token=token,
            attempts=[AttemptPart.of(attempt) for attempt in sorted(attempts, key=lambda one: one.k)],
            block_number=tx.mined_block_number,
            block_hash=tx.mined_block_hash,
            confirmations=_confirmations(tx.mined_block_number, head),
            effective_gas_price=optional_text(tx.effective_gas_price),
            metadata=tx.metadata or {},
            error=Failure(code=tx.error, message=tx.error_message) if tx.error else None,
        )


class WaitingApproval(Resource):
    """A transaction that waits for the caller's approval, without the sender's notes, and with the size of its
    data instead of the data.
    """

    transaction_id: str
    wallet_id: str
    user_id: str
    chain: str
    from_: Annotated[str, Field(alias="from")]
    to: str | None
    value: str
    token: SentToken | None
    data_bytes: Count
    max_fee: str
    approvals: list[str]
    approval_until: Instant | None
    version: int
    created_at: Instant

    model_config = ConfigDict(frozen=True, serialize_by_alias=True, validate_by_name=True)

    @classmethod
    def of(cls, tx: transactions.Transaction) -> WaitingApproval:
        same = ("wallet_id", "user_id", "chain", "approval_until", "version", "created_at")
        token, recipient = SentToken.of(tx)
        return cls(
            **{name: getattr(tx, name) for name in same},
            transaction_id=tx.id,
            from_=tx.from_address,
            to=recipient,
            value=str(tx.value),
            token=token,
            data_bytes=len(tx.data),
            max_fee=str(tx.committed_gas),
            approvals=tx.approvals or [],
        )


class ApprovalPage(Page[WaitingApproval]):
    """Transactions that wait for the caller's approval."""


class LowBalance(Resource):
    """The native balance of a sending wallet fell below the threshold; wei."""

    wallet_id: str
    user_id: str
    chain: str
    address: str
    balance: str
    threshold: str
    version: int
    updated_at: Instant

    @classmethod
    def of(cls, low: low_balances.LowBalance) -> LowBalance:
        same = ("wallet_id", "user_id", "chain", "address", "version", "updated_at")
        return cls(
            **{name: getattr(low, name) for name in same},
            balance=str(low.balance),
            threshold=str(low.threshold),
        )


class TransactionPage(Page[Transaction]):
    """The caller's transactions."""


def _confirmations(block: int | None, head: int | None) -> int | None:
    if block is None:
        return 0
    return None if head is None else max(0, head - block + 1)
