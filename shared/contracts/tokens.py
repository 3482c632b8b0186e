"""Describe a token of any standard from its own answers; the standard is found by ERC-165 and by trying ERC-20
functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.chain import tokens
from shared.chain.client import ChainClient
from shared.contracts import reads
from shared.domain.contracts.standards import ContractType
from shared.domain.errors import InvalidValue
from shared.keys.addresses import ZERO_ADDRESS

NAME: Final = bytes.fromhex("06fdde03")  # name()
TOTAL_SUPPLY: Final = bytes.fromhex("18160ddd")  # totalSupply()
SUPPORTS: Final = bytes.fromhex("01ffc9a7")  # supportsInterface(bytes4), and the id of ERC-165 itself
ERC721: Final = bytes.fromhex("80ac58cd")
ERC1155: Final = bytes.fromhex("d9b67a26")
NOTHING: Final = bytes.fromhex("ffffffff")  # an interface that no contract may support (ERC-165)


@dataclass(frozen=True, slots=True)
class Token:
    """A token's description. A field is None if the contract does not answer it, or not as plain text. `total_supply`
    is in base units."""

    type: ContractType
    name: str | None
    symbol: str | None
    decimals: int | None
    total_supply: int | None


def describe(client: ChainClient, address: str) -> Token:
    """The description of the token at an address. Raises InvalidValue (`address`) if there is no token, ChainError."""
    calls = [NAME, tokens.SYMBOL, tokens.DECIMALS, TOTAL_SUPPLY, tokens.balance_of(ZERO_ADDRESS)]
    calls += [SUPPORTS + one.ljust(32, b"\0") for one in (SUPPORTS, NOTHING, ERC721, ERC1155)]
    outcomes = reads.batched(client, [(address, data) for data in calls], "latest")
    name, symbol, decimals, supply, held, *supports = [
        one if isinstance(one, bytes) else b"" for one in outcomes
    ]
    has165, nothing, erc721, erc1155 = (tokens.uint(one) == 1 and len(one) == 32 for one in supports)
    kind: ContractType | None = "erc20" if _word(supply) and _word(held) else None
    if has165 and not nothing and (erc721 or erc1155):
        kind = "erc721" if erc721 else "erc1155"
    if kind is None:
        raise InvalidValue("address", "is not a token on this chain")
    digits = tokens.uint(decimals) if kind == "erc20" and _word(decimals) else None
    return Token(
        kind,
        tokens.text(name),
        tokens.text(symbol),
        digits if digits is not None and digits < 256 else None,
        tokens.uint(supply) if _word(supply) else None,
    )


def _word(answer: bytes) -> bool:
    return len(answer) == 32
