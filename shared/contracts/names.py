"""ENS names (EIP-137): the address of a name, and the primary name of an address.

Only on-chain answers of the name's own registered resolver count. Resolvers that require a URL fetch (CCIP-Read,
EIP-3668) or that answer for a parent's name (ENSIP-10) are not followed. A name is shown but never paid: `to` of a
transaction accepts only addresses.
"""

from __future__ import annotations

import re
from typing import Final

from shared.chain.client import ChainClient
from shared.chain.errors import NodeError
from shared.domain.errors import InvalidValue, Refusal
from shared.keys.addresses import checksummed

MAX_NAME: Final = 255  # characters of a name
RESOLVER: Final = bytes.fromhex("0178b8bf")  # resolver(bytes32)
ADDRESS: Final = bytes.fromhex("3b3b57de")  # addr(bytes32)
NAME: Final = bytes.fromhex("691f3431")  # name(bytes32)


_LABEL: Final = re.compile(r"_*[a-z0-9$-]+", re.ASCII)


class NoNames(Refusal):
    code, status, message = "NO_NAMES", 422, "The chain has no name service (ENS)."


class NameUnresolved(Refusal):
    """The name does not exist, has no address, or only resolves off-chain."""

    code, status, message = "NAME_UNRESOLVED", 404, "The name does not resolve on this chain."


def normalized(name: str) -> str:
    """The name in ENS's normal form (ENSIP-15), limited to Latin letters, digits and a few signs. Raises InvalidValue
    (`name`).

    Names with other letters are not resolved, because a name that looks like another could be mistaken for it.
    """
    found = name.lower() if name.isascii() else ""
    labels = found.split(".")
    if len(found) > MAX_NAME or len(labels) < 2 or not all(map(_LABEL.fullmatch, labels)):
        raise InvalidValue(
            "name", "must be labels of a-z, 0-9, - and _ with dots, such as wallet.example.eth"
        )
    if any(label[2:4] == "--" for label in labels):
        raise InvalidValue("name", "must not have -- as third and fourth character of a label")
    return found


def address_of(client: ChainClient, name: str) -> str:
    """The current address (EIP-55) of a normalized name. Raises NoNames, NameUnresolved, ChainError."""
    node = _node(name)
    resolver = _resolver(client, node)
    answer = _call(client, resolver, ADDRESS + node) if resolver else b""
    found = _address(answer)
    if found is None:
        raise NameUnresolved(name=name)
    return found


def name_of(client: ChainClient, address: str) -> str | None:
    """The name that an address has set for itself, if that name resolves to the address; otherwise None.

    Raises NoNames, ChainError.
    """
    node = _node(f"{address[2:].lower()}.addr.reverse")
    resolver = _resolver(client, node)
    text = _text(_call(client, resolver, NAME + node)) if resolver else None
    try:
        if text is None or normalized(text) != text or address_of(client, text) != address:
            return None
    except (InvalidValue, NameUnresolved):
        return None
    return text


def _node(name: str) -> bytes:
    from eth_hash.auto import keccak

    node = bytes(32)
    for label in reversed(name.split(".")):
        node = keccak(node + keccak(label.encode()))
    return node


def _resolver(client: ChainClient, node: bytes) -> str | None:
    if client.spec.ens is None:
        raise NoNames(chain=client.spec.name)
    return _address(_call(client, client.spec.ens, RESOLVER + node))


def _call(client: ChainClient, address: str, data: bytes) -> bytes:
    """The answer of a call; empty if the contract refuses, for example because it requires a URL fetch."""
    (answer,) = client.call_many([(address, data)])
    return b"" if isinstance(answer, NodeError) else answer


def _address(answer: bytes) -> str | None:
    if len(answer) != 32 or any(answer[:12]) or not any(answer):
        return None
    return checksummed(answer[12:])


def _text(answer: bytes) -> str | None:
    from eth_abi.abi import decode
    from eth_abi.exceptions import DecodingError

    if len(answer) > 1024:
        return None
    try:
        (value,) = decode(["string"], answer)
    except (DecodingError, OverflowError, UnicodeDecodeError):
        return None
    return str(value) or None
