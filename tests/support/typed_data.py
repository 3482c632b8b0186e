"""A second implementation of EIP-712, as short as the standard, to compare with the product's digests.

It accepts only valid documents and checks nothing.
"""

from __future__ import annotations

from typing import Any

from eth_hash.auto import keccak

DOMAIN = {
    "name": "string",
    "version": "string",
    "chainId": "uint256",
    "verifyingContract": "address",
    "salt": "bytes32",
}


def digest(document: dict[str, Any]) -> bytes:
    """keccak(0x1901 ‖ domainSeparator ‖ hashStruct(message))."""
    domain = document["domain"]
    types = {
        **{name: [(f["name"], f["type"]) for f in fields] for name, fields in document["types"].items()},
        "EIP712Domain": [(name, kind) for name, kind in DOMAIN.items() if name in domain],
    }
    message = struct(types, document["primaryType"], document["message"])
    return keccak(b"\x19\x01" + struct(types, "EIP712Domain", domain) + message)


def struct(types: dict[str, list[tuple[str, str]]], name: str, value: dict[str, Any] | None) -> bytes:
    if value is None:
        return bytes(32)
    parts = [encoded(types, kind, value[field]) for field, kind in types[name]]
    return keccak(keccak(type_text(types, name).encode()) + b"".join(parts))


def type_text(types: dict[str, list[tuple[str, str]]], name: str) -> str:
    """encodeType: the type, followed by the types that it refers to, in alphabetical order."""
    used, wanted = set(), [name]
    while wanted:
        current = wanted.pop()
        if current in types and current not in used:
            used.add(current)
            wanted += [kind.partition("[")[0] for _, kind in types[current]]
    order = [name, *sorted(used - {name})]
    return "".join(f"{one}({','.join(f'{kind} {field}' for field, kind in types[one])})" for one in order)


def encoded(types: dict[str, list[tuple[str, str]]], kind: str, value: Any) -> bytes:
    if kind.endswith("]"):
        inner = kind[: kind.rindex("[")]
        return keccak(b"".join(encoded(types, inner, item) for item in value))
    if kind in types:
        return struct(types, kind, value)
    if kind == "string":
        return keccak(value.encode())
    if kind.startswith("bytes"):
        raw = bytes.fromhex(value[2:])
        return keccak(raw) if kind == "bytes" else raw.ljust(32, b"\0")
    return (int(value, 0) if isinstance(value, str) else int(value) % 2**256).to_bytes(32, "big")
