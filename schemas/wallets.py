"""Wallets as their owner sees them. Only imports contain key material, and only the answers that say so."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, SecretStr, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from schemas.base import (
    Address,
    ChainName,
    Count,
    Id,
    Instant,
    Label,
    Metadata,
    Notes,
    OwnedQuery,
    Page,
    QueryFlag,
    Request,
    Resource,
)
from shared.domain.money import Asset, format_amount
from shared.domain.wallets import wallets
from shared.domain.wallets.wallets import WalletType

Secret = Annotated[SecretStr, Field(min_length=1, max_length=1024)]
Path = Annotated[str, StringConstraints(max_length=64, pattern=r"^m(/[0-9]{1,10}'?){1,10}$")]
Strength = Literal[128, 160, 192, 224, 256]


class CreateWallet(Request):
    """A new seed and its first account; `strength` is the seed's entropy in bits."""

    name: Label
    chain: ChainName | None = None
    type: Literal["hd"] = "hd"
    strength: Strength = 128
    metadata: Metadata | None = None


class ImportWallet(Request):
    """Exactly one of private_key, mnemonic (with derivation_path) and keystore (with passphrase)."""

    name: Label
    chain: ChainName | None = None
    private_key: Secret | None = None
    mnemonic: Secret | None = None
    derivation_path: Path | None = None
    keystore: Annotated[dict[str, Any] | None, Field(repr=False)] = None
    passphrase: Secret | None = None
    metadata: Metadata | None = None

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
    """Add the next account of a wallet's seed."""

    wallet_id: Id
    name: Label | None = None
    metadata: Metadata | None = None


class UpdateWallet(Request):
    """Absent fields stay; `metadata` replaces all earlier entries, null removes them."""

    wallet_id: Id
    name: Label | None = None
    metadata: Metadata | None = None


class GetWallet(Request):
    wallet_id: Id


class DeleteWallet(Request):
    """`force` is needed if the wallet has a balance or unreserved supplies."""

    wallet_id: Id
    force: QueryFlag = False


class ListWallets(OwnedQuery):
    """`deleted`: list deleted wallets whose keys still exist instead."""

    chain: ChainName | None = None
    type: WalletType | None = None
    deleted: QueryFlag = False


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


class Wallet(Resource):
    """Never contains key material. `unproven`: created before the account's e-mail address was proved, or by an
    API key; it is not used by default until it is confirmed. `deleted_at`: it can be restored and exported for
    30 days from then.
    """

    id: str
    user_id: str
    name: str
    chain: str
    type: WalletType
    address: str
    derivation_path: str | None
    parent_id: str | None
    index: int | None
    deleted_at: Instant | None
    unproven: bool
    metadata: Notes = Field(default_factory=dict)
    version: int
    created_at: Instant

    @classmethod
    def of(cls, wallet: wallets.Wallet) -> Wallet:
        given = {name: getattr(wallet, name, None) for name in cls.model_fields}
        return cls(**given | {"deleted_at": wallet.disabled_at, "unproven": bool(wallet.unproven)})


class WalletPage(Page[Wallet]):
    """The caller's wallets."""


class WalletAnswer(Resource):
    wallet: Wallet

    @classmethod
    def of(cls, wallet: wallets.Wallet) -> WalletAnswer:
        return cls(wallet=Wallet.of(wallet))


class CreatedWallet(Resource):
    """The mnemonic is shown only here; a replayed answer has null instead."""

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
    """The native coin first, then the registered tokens."""

    items: list[Balance]


class ExportedWallet(Resource):
    """Either the keystore or the key; a replayed answer has null instead."""

    SHOW_ONCE: ClassVar[frozenset[str]] = frozenset({"keystore", "private_key"})

    keystore: Annotated[dict[str, Any] | None, Field(repr=False)] = None
    private_key: Annotated[str | None, Field(repr=False)] = None


class Signature(Resource):
    signature: str
    address: str
