"""The supported chains, as data. Endpoints (RPC URLs) are settings and never written here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, ClassVar, Final, Literal

from shared.domain.errors import InvalidValue, Refusal
from shared.domain.money import MAX_DECIMALS, Asset
from shared.domain.transactions.fees import FeeCaps, FeeKind
from shared.keys.addresses import parse_address

GWEI: Final = 10**9
HD_PATH: Final = "m/44'/60'/0'/0/{index}"  # BIP-44 with SLIP-44 coin type 60, as all EVM wallets do
_SYMBOL: Final = re.compile(r"[A-Za-z0-9._-]{1,32}")
PUBLIC_POOL: Final = 16  # transactions that geth guarantees to an account, even if its pool is full
# Limit for chains with a sequencer, where no public pool can fill up. A geth node keeps this many transactions of one
# account behind a missing nonce, so that none of the others is refused if the first one is lost.
SEQUENCER: Final = 64
MAX_INFLIGHT: Final = 1_024
Confirmations = int | Literal["safe", "finalized"]


class UnknownChain(Refusal):
    """`data.known` lists the supported chains."""

    code, status, message = "UNKNOWN_CHAIN", 422, "This chain is not supported."

    @classmethod
    def beside(cls, known: Iterable[str], **data: Any) -> UnknownChain:
        """The refusal of a chain that is not among `known`."""
        names = sorted(known)
        said = f"There is no such chain; there are: {', '.join(names)}." if names else None
        return cls(said, **data, known=names)


class UnsupportedCurrency(Refusal):
    """Neither the native coin nor a registered token that transfers exactly the requested amount."""

    code, status, message = "UNSUPPORTED_CURRENCY", 422, "This currency is not supported on this chain."

    @classmethod
    def beside(cls, known: Iterable[str], **data: Any) -> UnsupportedCurrency:
        """The refusal of a currency that is not among `known`."""
        names = list(known)
        return cls(
            f"There is no such currency on this chain; there are: {', '.join(names)}.", **data, known=names
        )


@dataclass(frozen=True, slots=True)
class Token:
    """An ERC-20 token without fee on transfer and without rebasing; address in EIP-55.

    Raises ValueError for a symbol or decimals that no supply could have."""

    symbol: str
    address: str
    decimals: int

    def __post_init__(self) -> None:
        if not isinstance(self.symbol, str) or not _SYMBOL.fullmatch(self.symbol):
            raise ValueError(f"the symbol {str(self.symbol)[:40]!r} is none")
        if type(self.decimals) is not int or not 0 <= self.decimals <= MAX_DECIMALS:
            raise ValueError(f"the decimals of {self.symbol} must be an integer from 0 to {MAX_DECIMALS}")


@dataclass(frozen=True, slots=True)
class ChainSpec:
    """One chain. Times are in seconds, fees in wei per gas, `settlement_gas_reserve` in wei."""

    name: str
    chain_id: int
    symbol: str  # of the native coin
    block_seconds: float
    confirmations: Confirmations  # a depth (1 = in the head block) or a block tag
    has_finalized: bool  # whether nodes answer the "finalized" tag with an irreversible block
    caps: FeeCaps
    least_priority_fee: int  # nodes of this chain reject transactions below it
    settlement_gas_reserve: int  # reserved on a supplying wallet for one payout
    fee_kind: FeeKind = "eip1559"
    decimals: int = 18
    max_inflight: int = PUBLIC_POOL  # transactions of one address with a nonce and without a block
    noop_gas: int = 21_000  # more if gas also pays for layer 1
    payout_gas_cap: int = 150_000  # of a payout: enough for a coin, a token, and an honest smart account
    ens: str | None = None  # the registry (EIP-137) if the chain has names
    # If layer 1 is paid separately: the contract that returns its fee (`op_stack_fees`).
    fee_oracle: str | None = None
    tokens: tuple[Token, ...] = ()
    hd_path: str = HD_PATH
    explorer: str | None = None  # a site that shows the chain, with EIP-3091's /tx/, /address/ and /block/

    @property
    def native(self) -> Asset:
        return Asset(self.name, self.symbol, None, self.decimals)

    @property
    def symbols(self) -> list[str]:
        """The symbols of all currencies, the native one first."""
        return [self.symbol, *(token.symbol for token in self.tokens)]

    @property
    def depth(self) -> int:
        """The number of blocks to assume if a tag is not available; finality without a tag is twice this."""
        return self.confirmations if isinstance(self.confirmations, int) else 64

    def path(self, index: int) -> str:
        return self.hd_path.format(index=index)


def _caps(max_fee_gwei: int, priority_gwei: int) -> FeeCaps:
    return FeeCaps(max_fee_gwei * GWEI, priority_gwei * GWEI)


def _spec(name: str, chain_id: int, symbol: str, **more: Any) -> ChainSpec:
    return ChainSpec(name=name, chain_id=chain_id, symbol=symbol, **more)


_ENS: Final = "0x00000000000C2E074eC69A0dFb2997BA6C7d2e1e"  # ENSRegistryWithFallback
# GasPriceOracle, a predeploy of the OP stack.
_OP_FEE_ORACLE: Final = "0x420000000000000000000000000000000000000F"

# USDT on ethereum is left out: its contract can enable a fee on transfers (basisPointsRate).
_SPECS: Final = (
    _spec("local", 31337, "ETH", block_seconds=1.0, confirmations=2, has_finalized=False, max_inflight=MAX_INFLIGHT,
          caps=_caps(500, 100), least_priority_fee=GWEI, settlement_gas_reserve=10**16),
    _spec("ethereum", 1, "ETH", block_seconds=12.0, confirmations=12, has_finalized=True,
          explorer="https://etherscan.io",
          caps=_caps(500, 50), least_priority_fee=GWEI // 100, settlement_gas_reserve=2 * 10**16, ens=_ENS,
          tokens=(Token("USDC", "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", 6),)),
    _spec("sepolia", 11155111, "ETH", block_seconds=12.0, confirmations=6, has_finalized=True,
          explorer="https://sepolia.etherscan.io",
          caps=_caps(500, 50), least_priority_fee=GWEI // 100, settlement_gas_reserve=2 * 10**16, ens=_ENS,
          tokens=(Token("USDC", "0x1c7D4B196Cb0C7B01d743Fbc6116a902379C7238", 6),)),
    _spec("bsc", 56, "BNB", block_seconds=0.75, confirmations=15, has_finalized=True, fee_kind="legacy",
          explorer="https://bscscan.com",
          caps=_caps(50, 50), least_priority_fee=GWEI // 20, settlement_gas_reserve=2 * 10**15,
          tokens=(Token("USDC", "0x8AC76a51cc950d9822D68b83fE1Ad97B32Cd580d", 18),
                  Token("USDT", "0x55d398326f99059fF775485246999027B3197955", 18))),
    _spec("polygon", 137, "POL", block_seconds=2.0, confirmations=32, has_finalized=True,
          explorer="https://polygonscan.com",
          caps=_caps(3_000, 1_000), least_priority_fee=25 * GWEI, settlement_gas_reserve=2 * 10**17,
          tokens=(Token("USDC", "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359", 6),
                  Token("USDT", "0xc2132D05D31c914a87C6611C10748AEb04B58e8F", 6))),
    _spec("base", 8453, "ETH", block_seconds=2.0, confirmations=10, has_finalized=True, max_inflight=SEQUENCER,
          explorer="https://basescan.org",
          caps=_caps(100, 20), least_priority_fee=GWEI // 1_000, settlement_gas_reserve=2 * 10**15,
          fee_oracle=_OP_FEE_ORACLE,
          tokens=(Token("USDC", "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", 6),)),
    _spec("arbitrum", 42161, "ETH", block_seconds=0.25, confirmations=20, has_finalized=True, max_inflight=SEQUENCER,
          explorer="https://arbiscan.io",
          caps=_caps(100, 20), least_priority_fee=0, settlement_gas_reserve=2 * 10**15, noop_gas=200_000,
          payout_gas_cap=2_000_000,
          tokens=(Token("USDC", "0xaf88d065e77c8cC2239327C5EDb3A432268e5831", 6),
                  Token("USDT", "0xFd086bC7CD5C481DCC9C85ebE478A1C0b69FCbb9", 6))),
    _spec("optimism", 10, "ETH", block_seconds=2.0, confirmations=10, has_finalized=True, max_inflight=SEQUENCER,
          explorer="https://optimistic.etherscan.io",
          caps=_caps(100, 20), least_priority_fee=GWEI // 1_000, settlement_gas_reserve=2 * 10**15,
          fee_oracle=_OP_FEE_ORACLE,
          tokens=(Token("USDC", "0x0b2C639c533813f4Aa9D7837CAf62653d097Ff85", 6),
                  Token("USDT", "0x94b008aA00579c1307B0EF2c499aD98a8ce58e58", 6))),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Registry:
    """The chains by name, with tokens that a deployment adds by configuration. `served`: the chains that have nodes,
    if known."""

    chains: Mapping[str, ChainSpec] = field(
        default_factory=lambda: MappingProxyType({spec.name: spec for spec in _SPECS})
    )
    served: frozenset[str] = frozenset()
    DEFAULT: ClassVar[Registry]

    @classmethod
    def configured(
        cls, extra_tokens: str = "", served: Iterable[str] = (), max_inflight: str = ""
    ) -> Registry:
        """The built-in chains plus tokens from a JSON text `{"<chain>": [{"symbol", "address", "decimals"}]}`, and
        with other in-flight limits from a JSON text `{"<chain>": number}`.

        Whoever configures a token guarantees that it is plain (see Token) and that its decimals are right. Raises
        ValueError."""
        registry = replace(cls.DEFAULT, served=frozenset(served) & cls.DEFAULT.chains.keys())
        listed = json.loads(extra_tokens or "{}")
        try:
            added = {
                name: [Token(entry["symbol"], entry["address"], entry["decimals"]) for entry in entries]
                for name, entries in listed.items()
            }
        except (AttributeError, KeyError, TypeError):
            raise ValueError("not an object of chains with lists of symbol, address and decimals") from None
        for name, tokens in added.items():
            if name not in registry.chains:
                raise ValueError(f"there is no chain {name[:40]!r}")
            registry = registry.with_tokens(name, tokens)
        return registry._with_inflight(json.loads(max_inflight or "{}"))

    def _with_inflight(self, numbers: Any) -> Registry:
        if not isinstance(numbers, dict) or any(
            name not in self.chains or type(number) is not int or not 0 < number <= MAX_INFLIGHT
            for name, number in numbers.items()
        ):
            raise ValueError(f"not an object of known chains with numbers from 1 to {MAX_INFLIGHT}")
        changed = {name: replace(self.chains[name], max_inflight=number) for name, number in numbers.items()}
        return replace(self, chains=MappingProxyType({**self.chains, **changed}))

    def with_tokens(self, name: str, tokens: Iterable[Token]) -> Registry:
        """A registry that also contains `tokens`; a token replaces one with the same symbol or address."""
        spec = self.chain(name)
        new = tuple(replace(token, address=checksum(token.address)) for token in tokens)
        taken = {token.symbol for token in new} | {token.address for token in new}
        kept = tuple(old for old in spec.tokens if not {old.symbol, old.address} & taken)
        if spec.symbol in taken:
            raise ValueError(f"{spec.symbol} is the native coin of {name}")
        return replace(self, chains=MappingProxyType({**self.chains, name: replace(spec, tokens=kept + new)}))

    def chain(self, name: str) -> ChainSpec:
        """The chain with this name. Raises UnknownChain."""
        if (spec := self.chains.get(name)) is None:
            raise UnknownChain.beside(self.served or self.chains, chain=name)
        return spec

    def named(self, name: str | None) -> str | None:
        """The chain that filters a list, or None for all. Raises UnknownChain, so that a wrong name does not look like
        an empty list."""
        return None if name is None else self.chain(name).name

    def symbols(self, name: str | None) -> list[str]:
        """The currencies of a chain, or of all chains. Raises UnknownChain."""
        specs = self.chains.values() if name is None else [self.chain(name)]
        return list(dict.fromkeys(symbol for spec in specs for symbol in spec.symbols))

    def by_id(self, chain_id: int) -> ChainSpec:
        """The chain with this chain id. Raises UnknownChain."""
        for spec in self.chains.values():
            if spec.chain_id == chain_id:
                return spec
        raise UnknownChain.beside(self.served or self.chains, chain_id=chain_id)

    def currency(self, name: str, text: str) -> Asset:
        """The asset of a symbol (upper case) or a token address. Raises UnknownChain, UnsupportedCurrency."""
        spec = self.chain(name)
        if text == spec.symbol:
            return spec.native
        for token in spec.tokens:
            if text == token.symbol or text.lower() == token.address.lower():
                return Asset(name, token.symbol, token.address, token.decimals)
        raise UnsupportedCurrency.beside(spec.symbols, chain=name)


def checksum(address: str) -> str:
    """The EIP-55 form of an address. Raises ValueError unless it is 0x and 40 hex digits; mixed case must match
    EIP-55."""
    try:
        return parse_address(str(address))
    except InvalidValue as wrong:
        raise ValueError(f"not an address: {wrong.details[0]['message']}") from None


Registry.DEFAULT = Registry()
