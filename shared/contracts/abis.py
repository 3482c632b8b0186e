"""The ABI of a request: the given one, or the one of its contract type."""

from __future__ import annotations

from typing import Any

from shared.domain.contracts import abi as rules
from shared.domain.contracts.abi import Entry, InvalidAbi
from shared.domain.contracts.standards import ContractType, abi_of


def given(abi: list[dict[str, Any]] | None, kind: ContractType, *, required: bool = True) -> list[Entry]:
    """The checked ABI. Raises InvalidAbi, also if a custom contract comes without an ABI."""
    if abi is not None:
        return rules.checked(abi)
    if kind == "custom" and required:
        raise InvalidAbi("a contract of no known type needs one")
    return list(abi_of(kind))
