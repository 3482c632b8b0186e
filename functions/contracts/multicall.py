"""Call many read functions of contracts at one block. Each call succeeds or fails on its own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from schemas.contracts import CallOutcome, Multicall, MulticallResult, ReadCall
from shared import resources
from shared.contracts import abis, calls, read_slots, reads
from shared.domain.contracts import abi
from shared.domain.contracts.abi import Entry
from shared.domain.errors import InvalidValue, NotFound, Refusal
from shared.domain.permissions import Caller
from shared.keys.addresses import parse_address
from shared.runtime.operation import http
from shared.store.partial_rows import without_columns
from shared.store.session import Session
from shared.store.tables.contracts import CONTRACTS

# Characters of the named contracts' ABIs; parsed, they need ten times as much memory.
MAX_ABIS: Final = 4 * 1024**2


@dataclass(frozen=True, slots=True)
class _Call:
    """One call of the request: what is kept of its contract's ABI is the function, and the errors that it may raise."""

    address: str
    data: bytes
    entry: Entry
    errors: list[Entry]


@http(
    "POST",
    "/multicall",
    permission="contract:read",
    others="see",
    request=Multicall,
    answer=MulticallResult,
    idempotency="none",
    writes=False,
    needs=("chain",),
)
def multicall(request: Multicall, caller: Caller) -> MulticallResult:
    client = resources.chain(request.chain or resources.settings().default_chain)
    resolved = _resolved(_abis(caller, client.spec.name, request.calls), request.calls)
    with read_slots.held(caller):
        block = reads.number_of(client, request.block)
        outcomes = reads.at_block(client, [(one.address, one.data) for one in resolved], block)
        results = [_outcome(one, outcome) for one, outcome in zip(resolved, outcomes, strict=True)]
    return MulticallResult(block_number=block, results=results)


def _abis(caller: Caller, chain: str, wanted: Sequence[ReadCall]) -> dict[str, tuple[str, str]]:
    """(address, ABI as JSON text) of each named contract, in two round trips: the ABIs are read only if they are small
    enough together. Raises NotFound, InvalidState, InvalidValue."""
    numbers: dict[str, int] = {}
    for number, one in enumerate(wanted):
        if one.contract_id is not None:
            numbers.setdefault(one.contract_id, number)
    keys = [(contract_id,) for contract_id in numbers]
    if not keys:
        return {}
    session = Session(resources.database().snapshot(consistent=True))
    found, sizes = session.read(
        without_columns(CONTRACTS.get_many(keys), "abi"), CONTRACTS.columns_of(keys, "abi_characters")
    )
    contracts = {one.id: one for one in found if caller.sees(one.user_id)}
    if len(contracts) < len(keys):
        raise NotFound
    for contract in contracts.values():
        if contract.chain != chain:
            field = f"calls.{numbers[contract.id]}.contract_id"
            raise InvalidValue(field, f"the contract is on {contract.chain}")
    if sum(one["abi_characters"] for one in sizes) > MAX_ABIS:
        most = MAX_ABIS // 1024**2
        raise InvalidValue("calls", f"the contracts' ABIs have more than {most} MiB: call fewer at once")
    abis_read = session.many(CONTRACTS.columns_of(keys, "abi"))
    return {one["id"]: (contracts[one["id"]].place, one["abi"]) for one in abis_read}


def _resolved(named: Mapping[str, tuple[str, str]], wanted: Sequence[ReadCall]) -> list[_Call]:
    """The calls, in order. One ABI is parsed at a time, because it then needs ten times as much memory.

    Raises InvalidValue, UnknownMethod, AmbiguousMethod."""
    resolved: dict[int, _Call] = {}
    for contract_id in dict.fromkeys(one.contract_id for one in wanted):
        entries: list[Entry] = json.loads(named[contract_id][1]) if contract_id else []
        errors = abi.of_kind(entries, "error")
        for number, one in enumerate(wanted):
            if one.contract_id == contract_id:
                resolved[number] = _call(one, f"calls.{number}", named, entries, errors)
    return [resolved[number] for number in range(len(wanted))]


def _call(
    one: ReadCall, place: str, named: Mapping[str, tuple[str, str]], entries: list[Entry], errors: list[Entry]
) -> _Call:
    if one.contract_id is not None:
        address = named[one.contract_id][0]
    else:
        assert one.address is not None and one.type is not None  # checked by the model
        address, entries = parse_address(one.address, f"{place}.address"), abis.given(None, one.type)
        errors = abi.of_kind(entries, "error")
    entry = abi.method(entries, one.method)
    return _Call(address, calls.data_of(entry, one.arguments, f"{place}.arguments"), entry, errors)


def _outcome(call: _Call, outcome: reads.Outcome) -> CallOutcome:
    try:
        if not isinstance(outcome, bytes):
            raise calls.refusal_of(outcome, call.errors)
        return CallOutcome(success=True, result=calls.decoded(call.entry["outputs"], outcome), error=None)
    except Refusal as refusal:
        error = {"code": refusal.code, "message": refusal.text, "data": refusal.data}
        return CallOutcome(success=False, result=None, error=error)
