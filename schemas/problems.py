"""Describe what is wrong with a field by a phrase that follows its name, such as "must be a string". Values never
appear in it.

pydantic's own messages contain Python types and regular expressions, and say "items" for characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final

MAX_PROBLEMS: Final = 20  # problems in one answer
MAX_NAME: Final = 64  # characters of a field name that the caller chose
# The phrase for each pattern of `schemas`. tests/unit/schemas/test_problems.py checks that no pattern is missing.
PATTERNS: Final = {
    r"^[A-Za-z0-9_-]{1,64}$": "must be an id: 1 to 64 letters, digits, - or _",
    r"^[A-Za-z0-9_-]{1,32}$": "must be a name of 1 to 32 letters, digits, - or _",
    r"^[a-z0-9_]{1,32}$": "must be a name of 1 to 32 lower case letters, digits or _",
    r"^[A-Za-z0-9_.-]{1,40}$": "must be a key of 1 to 40 letters, digits, _ . or -",
    r"^[A-Za-z0-9_.-]{1,40}:[^\x00-\x1f\x7f]{0,500}$": "must be a key and a value, such as invoice:4711",
    r"^0x[0-9a-fA-F]{40}$": "must be an address: 0x and 40 hex digits",
    r"^(native|0x[0-9a-fA-F]{40})$": "must be native, or a token's address: 0x and 40 hex digits",
    r"^(0x[0-9a-fA-F]{40}|[A-Za-z0-9._-]{1,32})$": (
        "must be a currency's symbol, or a token's address: 0x and 40 hex digits"
    ),
    r"^[^\x00-\x1f\x7f]*$": "must have no line breaks or other control characters",
    r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$": "must have no control characters but line breaks and tabs",
    r"^(0|[1-9][0-9]{0,77})$": "must be a whole number of base units as a string, such as 1000",
    r"^[1-9][0-9]{0,77}$": "must be a whole number above zero of base units as a string, such as 1000",
    r"^0x[0-9a-fA-F]{64}$": "must be 32 bytes: 0x and 64 hex digits",
    r"^0x[0-9a-fA-F]{8}$": "must be 4 bytes: 0x and 8 hex digits",
    r"^0x([0-9a-fA-F]{2})*$": "must be bytes: 0x and an even number of hex digits",
    r"^0x([0-9a-fA-F]{2})+$": "must be bytes: 0x and an even number of hex digits",
    r"^0x([0-9a-fA-F]{2}){1,4096}$": "must be 1 to 4096 bytes: 0x and an even number of hex digits",
    r"^m(/[0-9]{1,10}'?){1,10}$": "must be a derivation path such as m/44'/60'/0'/0/0",
    r"^[A-Za-z0-9_-]{1,32}:0x[0-9a-f]{40}$": "must be a chain's name, : and an address in lower case",
    r"^[A-Za-z_$][A-Za-z0-9_$]{0,99}$": "must be the name of a type, such as Permit",
}
_PLAIN: Final = {
    "missing": "is required",
    "extra_forbidden": "is not known here",
    "string_type": "must be a string",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "int_type": "must be an integer",
    "int_parsing": "must be an integer",
    "int_parsing_size": "must be an integer of fewer digits",
    "int_from_float": "must be an integer",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "recursion_loop": "is nested too deeply",
}
_BOUNDS: Final = {
    "greater_than_equal": ("must be at least", "ge"),
    "greater_than": ("must be more than", "gt"),
    "less_than_equal": ("must be at most", "le"),
    "less_than": ("must be less than", "lt"),
}
# The names of a union's alternatives in the location of a pydantic error.
_BRANCHES: Final = frozenset({"str", "int", "float", "bool", "constrained-str", "constrained-int"})


def details(errors: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The problems of a pydantic error by field, with their context; alternatives of one field are joined. Those that
    do not fit into an answer cost nothing: a small body can have thousands."""
    found: dict[str, list[str]] = {}
    for error in errors:
        field = _field(error)
        if field not in found and len(found) == MAX_PROBLEMS:
            break
        said = found.setdefault(field, [])
        if (text := message(error)) not in said:
            said.append(text)
    return [{"field": field, "message": ", or ".join(said)} for field, said in found.items()]


def unknown(names: Iterable[str]) -> list[dict[str, str]]:
    """The problems of fields that do not exist: as many as fit into an answer."""
    return [
        {"field": name[:MAX_NAME], "message": _PLAIN["extra_forbidden"]}
        for name in islice(names, MAX_PROBLEMS)
    ]


def message(error: Mapping[str, Any]) -> str:
    """One problem in words."""
    kind, context = error["type"], error.get("ctx", {})
    if kind in _BOUNDS:
        words, name = _BOUNDS[kind]
        return (
            f"{words} {context[name]:g}" if isinstance(context[name], float) else f"{words} {context[name]}"
        )
    said = {
        "literal_error": lambda: f"must be {_listed(str(context['expected']))}",
        "string_pattern_mismatch": lambda: PATTERNS.get(context["pattern"], "has a form that is not allowed"),
        "string_too_short": lambda: f"must have at least {_count(error, context['min_length'])}",
        "string_too_long": lambda: f"must have at most {_count(error, context['max_length'])}",
    }
    said |= {"too_short": said["string_too_short"], "too_long": said["string_too_long"]}
    if kind in said:
        return said[kind]()
    own = "_" not in kind and not str(error["msg"]).startswith(("Input", "Value"))
    return _PLAIN.get(kind, str(error["msg"]) if own else "is not valid")


def _count(error: Mapping[str, Any], number: int) -> str:
    """A length, with its unit: entries of a list, or characters of a string or secret."""
    listed = error.get("ctx", {}).get("field_type") in ("List", "Dictionary", "Set", "Tuple")
    one, many = ("entry", "entries") if listed else ("character", "characters")
    return f"{number} {one if number == 1 else many}"


def _listed(expected: str) -> str:
    """`'a', 'b' or 'c'` without the quotes."""
    return re.sub(r"'([^']*)'", r"\1", expected)


def _field(error: Mapping[str, Any]) -> str:
    place = [str(part) for part in error["loc"]]
    if error["type"] != "extra_forbidden":
        place = [part for part in place if part not in _BRANCHES and "[" not in part]
    return ".".join(part[:MAX_NAME] for part in place) or "body"
