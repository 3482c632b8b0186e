"""Contracts as their owner sees them. Integers of a contract are decimal strings, its bytes 0x hex."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from schemas.base import (
    Address,
    BaseUnits,
    ChainName,
    Count,
    Id,
    Instant,
    Label,
    Metadata,
    Notes,
    OwnedQuery,
    Page,
    Request,
    Resource,
)
from schemas.transactions import Gas, Transaction
from shared.domain.contracts import contracts
from shared.domain.contracts.contracts import ContractStatus
from shared.domain.contracts.standards import ContractType
from shared.domain.transactions.transactions import Speed

Abi = Annotated[list[dict[str, Any]], Field(max_length=2_000)]
Method = Annotated[str, StringConstraints(min_length=1, max_length=2_048)]
Arguments = list[Any] | dict[str, Any]
Block = (
    Literal["latest", "safe", "finalized", "earliest", "pending"] | Annotated[Count, Field(ge=0, le=2**53)]
)
ByteCode = Annotated[
    str, StringConstraints(min_length=4, max_length=98_306, pattern=r"^0x([0-9a-fA-F]{2})+$")
]
Salt = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{64}$")]


class DeployContract(Request):
    """`arguments` are those of the constructor. With a `salt`, the address follows from salt and code
    (CREATE2): it is the same on every chain, whoever deploys. The ABI of a known type may be omitted.
    """

    wallet_id: Id | None = None
    chain: ChainName | None = None
    name: Label
    type: ContractType = "custom"
    abi: Abi | None = None
    bytecode: ByteCode
    arguments: Arguments = Field(default_factory=list)
    value: BaseUnits = "0"
    salt: Salt | None = None
    gas: Gas | None = None
    speed: Speed | None = None
    metadata: Metadata | None = None


class ImportContract(Request):
    """A contract that is already deployed. Without `abi` it has the ABI of its type."""

    name: Label
    address: Address
    chain: ChainName | None = None
    type: ContractType = "custom"
    abi: Abi | None = None
    metadata: Metadata | None = None


class UpdateContract(Request):
    """Absent fields stay; `metadata` replaces all earlier entries, null removes them."""

    contract_id: Id
    name: Label | None = None
    metadata: Metadata | None = None


class GetContract(Request):
    contract_id: Id


class ContractByAddress(Request):
    chain: ChainName
    address: Address


class ListContracts(OwnedQuery):
    chain: ChainName | None = None
    type: ContractType | None = None


class CallContract(Request):
    """`method` is a name, or a full signature if several functions have that name. `from` is the address of one
    of the caller's wallets; without it, the call has no sender.
    """

    contract_id: Id
    method: Method
    arguments: Arguments = Field(default_factory=list)
    from_: Annotated[Address | None, Field(alias="from")] = None
    block: Block = "latest"


class SendToContract(Request):
    """If no wallet is named, the caller's only wallet on the contract's chain is used; `value` in wei."""

    contract_id: Id
    wallet_id: Id | None = None
    method: Method
    arguments: Arguments = Field(default_factory=list)
    value: BaseUnits = "0"
    gas: Gas | None = None
    speed: Speed | None = None
    metadata: Metadata | None = None


class Proxy(Resource):
    """`unknown`: the chain did not answer."""

    kind: Literal["eip1967", "beacon", "minimal", "unknown"]
    implementation: str | None


class Contract(Resource):
    """`address` is null until a block contains the deployment. In lists and events `abi` is null; get it with
    the contract itself or by its own route.
    """

    id: str
    user_id: str
    name: str
    chain: str
    type: ContractType
    address: str | None
    abi: list[dict[str, Any]] | None
    status: ContractStatus
    transaction_id: str | None
    metadata: Notes = Field(default_factory=dict)
    version: int
    created_at: Instant
    updated_at: Instant

    @classmethod
    def of(cls, contract: contracts.Contract, *, abi: bool = True) -> Contract:
        return cls(
            **{name: getattr(contract, name) for name in Contract.model_fields if name != "abi"},
            abi=contract.entries if abi else None,
        )


class ContractDetail(Contract):
    """`proxy` is null if the contract is not a proxy."""

    proxy: Proxy | None

    @classmethod
    def seen(cls, contract: contracts.Contract, proxy: Proxy | None) -> ContractDetail:
        return cls(**Contract.of(contract).model_dump(), proxy=proxy)


class ContractPage(Page[Contract]):
    """The caller's contracts."""


class ContractAbi(Resource):
    abi: list[dict[str, Any]]


class CallResult(Resource):
    """Null, one value, or several values: an object if all have names, otherwise a list."""

    result: Any


class DeployedContract(Resource):
    model_config = ConfigDict(frozen=True, serialize_by_alias=True)

    contract: Contract
    transaction: Transaction


class GetTokenInfo(Request):
    address: Address
    chain: ChainName | None = None


class TokenInfo(Resource):
    """Fields are null if the contract does not provide them as plain text. `total_supply` in base units."""

    chain: str
    address: str
    type: ContractType
    name: str | None
    symbol: str | None
    decimals: int | None
    total_supply: str | None


class ReadCall(Request):
    """A call of one of the caller's contracts, or of a contract of a known type at an address."""

    contract_id: Id | None = None
    address: Address | None = None
    type: Literal["erc20", "erc721", "erc1155"] | None = None
    method: Method
    arguments: Arguments = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_contract(self) -> Self:
        if (self.contract_id is None) == (self.address is None) or (self.address is None) != (
            self.type is None
        ):
            raise PydanticCustomError("contract", "give either contract_id, or address and type")
        return self


class Multicall(Request):
    """All calls are made at one block. If the chain has Multicall3, that contract is the sender; otherwise
    there is none.
    """

    chain: ChainName | None = None
    calls: Annotated[list[ReadCall], Field(min_length=1, max_length=100)]
    block: Block = "latest"


class CallOutcome(Resource):
    """`error` holds code, message and data, like the refusal of a single call."""

    success: bool
    result: Any
    error: dict[str, Any] | None


class MulticallResult(Resource):
    block_number: Count
    results: list[CallOutcome]
