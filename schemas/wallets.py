"""Wallets as their owner sees them; key material comes in once and goes out only where the contract says so."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, SecretStr, StringConstraints, field_validator, model_validator
from pydantic_core import PydanticCustomError

from schemas.base import (
    Address,
    ChainName,
    Count,
    Flag,
    Id,
    Instant,
    Label,
    ListQuery,
    Page,
    QueryFlag,
    Request,
    Resource,
)
from shared.domain import policies, wallets
from shared.domain.money import Asset, format_amount
from shared.domain.states import WalletType

Secret = Annotated[SecretStr, Field(min_length=1, max_length=1024)]
Path = Annotated[str, StringConstraints(max_length=64, pattern=r"^m(/[0-9]{1,10}'?){1,10}$")]
BaseUnits = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,77})$")]
Selector = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{8}$")]
Strength = Literal[128, 160, 192, 224, 256]


class CreateWallet(Request):
    """A new seed and its first account; `strength` is the seed's entropy in bits."""

    name: Label
    chain: ChainName | None = None
    type: Literal["hd"] = "hd"
    strength: Strength = 128


class ImportWallet(Request):
    """Exactly one of private_key, mnemonic (with derivation_path) and keystore (with passphrase)."""

    name: Label
    chain: ChainName | None = None
    private_key: Secret | None = None
    mnemonic: Secret | None = None
    derivation_path: Path | None = None
    keystore: Annotated[dict[str, Any] | None, Field(repr=False)] = None
    passphrase: Secret | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        sources = (self.private_key, self.mnemonic, self.keystore)
        if sum(source is not None for source in sources) != 1:
            raise PydanticCustomError("source", "give exactly one of private_key, mnemonic and keystore")
        if (self.keystore is None) != (self.passphrase is None):
            raise PydanticCustomError("source", "a keystore and its passphrase go together")
        if self.derivation_path is not None and self.mnemonic is None:
            raise PydanticCustomError("source", "derivation_path needs a mnemonic")
        return self


class AddAccount(Request):
    """The next account of a wallet's seed."""

    wallet_id: Id
    name: Label | None = None


class GetWallet(Request):
    wallet_id: Id


class DeleteWallet(Request):
    """`force` is needed while the wallet holds a balance or unreserved supplies."""

    wallet_id: Id
    force: QueryFlag = False


class ListWallets(ListQuery):
    chain: ChainName | None = None
    type: WalletType | None = None


class GetBalance(Request):
    """The native coin's balance, or a token's."""

    wallet_id: Id
    token_address: Address | None = None


class GetBalances(Request):
    wallet_id: Id


class ExportWallet(Request):
    """A keystore needs a passphrase of at least 8 characters."""

    wallet_id: Id
    passphrase: Secret | None = None
    format: Literal["keystore", "private_key"] = "keystore"

    @model_validator(mode="after")
    def _passphrase(self) -> Self:
        if self.format == "keystore" and self.passphrase is None:
            raise PydanticCustomError("passphrase", "a keystore needs a passphrase")
        return self


class SignMessage(Request):
    """EIP-191."""

    wallet_id: Id
    message: Annotated[str, StringConstraints(max_length=65_536)]


class SignTypedData(Request):
    """EIP-712; the domain's chain must be the wallet's."""

    wallet_id: Id
    typed_data: dict[str, Any]


class AssetLimit(Request):
    """Bounds in base units; `asset` is "native" or a token address."""

    asset: Annotated[str, StringConstraints(pattern=r"^(native|0x[0-9a-fA-F]{40})$")]
    max_per_transaction: BaseUnits | None = None
    max_per_day: BaseUnits | None = None


class GetPolicy(Request):
    wallet_id: Id


class UpdatePolicy(Request):
    """The whole policy of a wallet; an absent list allows everything, an empty one nothing."""

    wallet_id: Id
    limits: Annotated[list[AssetLimit], Field(max_length=100)] = Field(default_factory=list)
    allowed_recipients: Annotated[list[Address], Field(max_length=1000)] | None = None
    allowed_contracts: Annotated[list[Address], Field(max_length=1000)] | None = None
    allowed_selectors: Annotated[list[Selector], Field(max_length=1000)] | None = None
    approval_above: BaseUnits | None = None
    paused: Flag = False

    @field_validator("limits")
    @classmethod
    def _once(cls, limits: list[AssetLimit]) -> list[AssetLimit]:
        if len({limit.asset.lower() for limit in limits}) != len(limits):
            raise PydanticCustomError("repeated", "must not name an asset twice")
        return limits

    def rules(self) -> dict[str, Any]:
        """As the domain's policy names them."""
        amounts = ("max_per_transaction", "max_per_day")
        return {
            "limits": {
                one.asset.lower(): {name: getattr(one, name) for name in amounts} for one in self.limits
            },
            "allowed_recipients": self.allowed_recipients,
            "allowed_contracts": self.allowed_contracts,
            "allowed_selectors": self.allowed_selectors,
            "approval_above": None if self.approval_above is None else int(self.approval_above),
            "paused": self.paused,
        }


class Policy(Resource):
    """A wallet's rules; amounts in base units. Version 0: none was ever set."""

    wallet_id: str
    limits: list[AssetLimit]
    allowed_recipients: list[str] | None
    allowed_contracts: list[str] | None
    allowed_selectors: list[str] | None
    approval_above: str | None
    paused: bool
    version: int
    updated_at: Instant

    @classmethod
    def of(cls, policy: policies.Policy) -> Policy:
        return cls(
            wallet_id=policy.id,
            limits=[AssetLimit(asset=asset, **amounts) for asset, amounts in policy.limits.items()],
            allowed_recipients=policy.allowed_recipients,
            allowed_contracts=policy.allowed_contracts,
            allowed_selectors=policy.allowed_selectors,
            approval_above=None if policy.approval_above is None else str(policy.approval_above),
            paused=policy.paused,
            version=policy.version,
            updated_at=policy.updated_at,
        )


class Wallet(Resource):
    """Never key material."""

    id: str
    user_id: str
    name: str
    chain: str
    type: WalletType
    address: str
    derivation_path: str | None
    parent_id: str | None
    index: int | None
    version: int
    created_at: Instant

    @classmethod
    def of(cls, wallet: wallets.Wallet) -> Wallet:
        return cls(**{name: getattr(wallet, name) for name in cls.model_fields})


class WalletPage(Page[Wallet]):
    """One's own wallets."""


class WalletAnswer(Resource):
    wallet: Wallet

    @classmethod
    def of(cls, wallet: wallets.Wallet) -> WalletAnswer:
        return cls(wallet=Wallet.of(wallet))


class CreatedWallet(Resource):
    """The mnemonic is shown this once; a replayed answer holds null."""

    SHOW_ONCE: ClassVar[frozenset[str]] = frozenset({"mnemonic"})

    wallet: Wallet
    mnemonic: Annotated[str | None, Field(repr=False)]
    derivation_path: str

    @classmethod
    def of(cls, wallet: wallets.Wallet, mnemonic: str | None) -> CreatedWallet:
        return cls(wallet=Wallet.of(wallet), mnemonic=mnemonic, derivation_path=wallet.derivation_path or "")


class Balance(Resource):
    """`balance` in base units, `formatted` in the asset's unit."""

    balance: str
    formatted: str
    symbol: str
    decimals: int
    token_address: str | None
    block_number: Count

    @classmethod
    def of(cls, asset: Asset, balance: int, block_number: int) -> Balance:
        return cls(
            balance=str(balance),
            formatted=format_amount(balance, asset.decimals),
            symbol=asset.symbol,
            decimals=asset.decimals,
            token_address=asset.token_address,
            block_number=block_number,
        )


class Balances(Resource):
    """The native coin first, then the registry's tokens."""

    items: list[Balance]


class ExportedWallet(Resource):
    """One of both; a replayed answer holds null."""

    SHOW_ONCE: ClassVar[frozenset[str]] = frozenset({"keystore", "private_key"})

    keystore: Annotated[dict[str, Any] | None, Field(repr=False)] = None
    private_key: Annotated[str | None, Field(repr=False)] = None


class Signature(Resource):
    signature: str
    address: str
