"""Check EIP-712 typed structured data, version 4, before eth-account hashes it.

The check is strict where the library guesses: every field must be present and have its type (short bytes are not
padded, numbers are not accepted as other text), a document must not contain anything that is not signed, and the
domain must name the wallet's chain. Nesting and size are limited before anything is hashed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from shared.domain.errors import InvalidValue
from shared.keys.addresses import parse_address
from shared.keys.errors import ChainMismatch

MAX_TYPES, MAX_FIELDS, MAX_VALUES, MAX_DEPTH = 32, 256, 4096, 32
MAX_TYPE_TEXT = 4_000_000  # characters: the library hashes the text of the types again for each struct
Types = dict[str, list[tuple[str, str]]]  # type → (field, its type)

_DOMAIN = {  # in EIP-712's order
    "name": "string",
    "version": "string",
    "chainId": "uint256",
    "verifyingContract": "address",
    "salt": "bytes32",
}
_IDENTIFIER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]{0,99}")
_TYPE = re.compile(r"([A-Za-z_$][A-Za-z0-9_$]{0,99})((?:\[[0-9]{0,4}\]){0,4})")
_INTEGER = re.compile(r"(u?)int([1-9][0-9]{0,2})")
_BYTES = re.compile(r"bytes([1-9]|[12][0-9]|3[0-2])?")
_HEX = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_NUMBER = re.compile(r"0x[0-9a-fA-F]{1,64}|-?[0-9]{1,78}")


def checked_document(typed_data: Mapping[str, Any], chain_id: int) -> dict[str, Any]:
    """`{types, primaryType, domain, message}` for the chain `chain_id`, in a form that the library reads without
    guessing.

    Raises ChainMismatch unless the domain names that chain, InvalidValue (field `typed_data`) if anything does not
    fit. Types that the primary type does not use are left out, as wallets do."""
    types, primary = _read(typed_data), typed_data["primaryType"]
    domain = typed_data["domain"]
    given = _integer(domain.get("chainId"))
    if given != chain_id:
        raise ChainMismatch(expected=chain_id, found=given)
    used = _used(types, primary)
    reader = _Reader(types)
    document = {
        "types": {name: [{"name": f, "type": k} for f, k in types[name]] for name in used},
        "primaryType": primary,
        "domain": reader.struct("EIP712Domain", domain, 0),
        "message": reader.struct(primary, typed_data["message"], 0),
    }
    text = sum(len(f) + len(k) for name in used for f, k in types[name])
    if text * reader.structs > MAX_TYPE_TEXT:
        raise _misfit("has too many values of types with too many fields")
    return document


class _Reader:
    """Reads values of checked types into one canonical form, and counts them across one document."""

    def __init__(self, types: Types) -> None:
        self._types = types
        self._values = 0
        self.structs = 0

    def struct(self, name: str, value: object, depth: int) -> dict[str, Any] | None:
        """The fields of a struct; a null below the top level ends a recursive type."""
        if value is None and depth > 0:
            return None
        fields = self._types[name]
        if not isinstance(value, dict) or set(value) != {field for field, _ in fields}:
            raise _misfit(f"a {name} must have exactly the fields of its type")
        self.structs += 1
        return {field: self._value(field, kind, value[field], depth + 1) for field, kind in fields}

    def _value(self, field: str, kind: str, value: object, depth: int) -> object:
        self._values += 1
        if self._values > MAX_VALUES or depth > MAX_DEPTH:
            raise _misfit(f"has more than {MAX_VALUES} values or {MAX_DEPTH} levels")
        if kind.endswith("]"):
            inner, _, size = kind[:-1].rpartition("[")
            if not isinstance(value, list) or (size and int(size) != len(value)):
                raise _misfit(f"{field} does not fit its type {kind}")
            return [self._value(field, inner, item, depth + 1) for item in value]
        if kind in self._types:
            return self.struct(kind, value, depth)
        atom = _atom(kind, value)
        if atom is None:
            raise _misfit(f"{field} does not fit its type {kind}")
        return atom


def _used(types: Types, primary: str) -> set[str]:
    """The primary type and the types that it refers to. Raises InvalidValue if one of them refers back to it, because
    the library then cannot tell which is the primary type."""
    used: set[str] = set()
    wanted = [primary]
    while wanted:
        current = wanted.pop()
        if current in types and current not in used:
            used.add(current)
            wanted += [kind.partition("[")[0] for _, kind in types[current]]
    for name in used - {primary}:
        if any(kind.partition("[")[0] == primary for _, kind in types[name]):
            raise _misfit(f"{name} must not refer back to the primary type")
    return used


def _atom(kind: str, value: object) -> bool | int | str | None:
    """The canonical form of a value of a built-in type; None if it does not fit or there is no such type."""
    if kind == "bool":
        return value if isinstance(value, bool) else None
    if integer := _INTEGER.fullmatch(kind):
        return _sized_integer(_integer(value), integer[1] == "u", int(integer[2]))
    return _text_atom(kind, value) if isinstance(value, str) else None


def _text_atom(kind: str, value: str) -> str | None:
    if kind == "address":
        return parse_address(value, "typed_data")
    if kind == "string":
        return value if _is_unicode(value) else None
    sized = _BYTES.fullmatch(kind)
    if sized is None or not _HEX.fullmatch(value):
        return None
    return value if sized[1] is None or len(value) == 2 + 2 * int(sized[1]) else None


def _is_unicode(text: str) -> bool:
    """False for lone surrogates, which JSON can carry and UTF-8 cannot."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _integer(value: object) -> int | None:
    """An integer, also from decimal or 0x text; otherwise None."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return int(value, 16 if value.startswith("0x") else 10)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _sized_integer(number: int | None, unsigned: bool, bits: int) -> int | None:
    if number is None or bits % 8 or bits > 256:
        return None
    low, high = (0, 2**bits) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1))
    return number if low <= number < high else None


def _read(typed_data: Mapping[str, Any]) -> Types:
    """The types, including EIP712Domain, after checking the document's shape. Raises InvalidValue."""
    if set(typed_data) != {"types", "primaryType", "domain", "message"}:
        raise _misfit("must have types, primaryType, domain and message, and nothing else")
    declared, domain, primary = typed_data["types"], typed_data["domain"], typed_data["primaryType"]
    if not isinstance(declared, dict) or not isinstance(domain, dict) or not isinstance(primary, str):
        raise _misfit("types and domain must be objects, primaryType must be text")
    types = {name: _fields(fields) for name, fields in declared.items()}
    if len(types) > MAX_TYPES or sum(map(len, types.values())) > MAX_FIELDS:
        raise _misfit(f"has more than {MAX_TYPES} types or {MAX_FIELDS} fields")
    if primary not in types or primary == "EIP712Domain":
        raise _misfit("primaryType must be one of the types")
    if not all(_IDENTIFIER.fullmatch(name) and not _is_built_in(name) for name in types):
        raise _misfit("each type must be an identifier that is not a built-in type")
    expected = [(name, kind) for name, kind in _DOMAIN.items() if name in domain]
    if types.get("EIP712Domain", expected) != expected:
        raise _misfit("types.EIP712Domain must list exactly the domain's fields, in EIP-712's order")
    return {**types, "EIP712Domain": expected}


def _fields(declared: object) -> list[tuple[str, str]]:
    """The fields of one type. Raises InvalidValue unless each is a well-formed {name, type} and no
    name occurs twice."""
    if not isinstance(declared, list):
        raise _misfit("each type must be a list of fields")
    fields = []
    for field in declared:
        if not isinstance(field, dict) or set(field) != {"name", "type"}:
            raise _misfit("each field must have a name and a type")
        name, kind = field["name"], field["type"]
        if not (isinstance(name, str) and isinstance(kind, str)):
            raise _misfit("each field's name and type must be text")
        if not (_IDENTIFIER.fullmatch(name) and _TYPE.fullmatch(kind)):
            raise _misfit("each field's name and type must be identifiers")
        fields.append((name, kind))
    if len({name for name, _ in fields}) != len(fields):
        raise _misfit("a type must not name a field twice")
    return fields


def _is_built_in(name: str) -> bool:
    words = ("bool", "string", "address", "int", "uint")
    return name in words or bool(_INTEGER.fullmatch(name) or _BYTES.fullmatch(name))


def _misfit(problem: str) -> InvalidValue:
    return InvalidValue("typed_data", problem)
