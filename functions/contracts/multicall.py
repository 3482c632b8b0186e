"""Call many read functions of contracts at one block. Each call succeeds or fails on its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from schemas.contracts import CallOutcome, Multicall, MulticallResult, ReadCall
from shared import resources
from shared.contracts import abis, calls, reads
from shared.domain.contracts import abi
from shared.domain.contracts.abi import Entry
from shared.domain.errors import InvalidValue, Refusal
from shared.domain.permissions import Caller
from shared.keys.addresses import parse_address
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables.contracts import owned

# Characters of the named contracts' ABIs; parsed, they need ten times as much memory.
MAX_ABIS: Final = 4 * 1024**2


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
    named = _contracts(caller, client.spec.name, request.calls)
    resolved = [_resolve(named, one, f"calls.{number}") for number, one in enumerate(request.calls)]
    block = reads.number_of(client, request.block)
    outcomes = reads.at_block(client, [(address, data) for address, data, _, _ in resolved], block)
    results = [
        _outcome(entries, entry, outcome)
        for (_, _, entries, entry), outcome in zip(resolved, outcomes, strict=True)
    ]
    return MulticallResult(block_number=block, results=results)


def _contracts(caller: Caller, chain: str, wanted: Sequence[ReadCall]) -> dict[str, tuple[str, list[Entry]]]:
    """(address, ABI) of each named contract, read once. Raises NotFound, InvalidValue."""
    session, found, size = Session(resources.database().snapshot()), dict[str, tuple[str, list[Entry]]](), 0
    for number, one in enumerate(wanted):
        if one.contract_id is None or one.contract_id in found:
            continue
        contract = session.one(owned(caller, one.contract_id))
        if contract.chain != chain:
            raise InvalidValue(f"calls.{number}.contract_id", f"the contract is on {contract.chain}")
        size += len(contract.abi)
        if size > MAX_ABIS:
            most = MAX_ABIS // 1024**2
            raise InvalidValue("calls", f"the contracts' ABIs have more than {most} MiB: call fewer at once")
        found[one.contract_id] = contract.place, contract.entries
    return found


def _resolve(
    named: Mapping[str, tuple[str, list[Entry]]], one: ReadCall, place: str
) -> tuple[str, bytes, list[Entry], Entry]:
    """(address, data, ABI, function). Raises InvalidValue, UnknownMethod, AmbiguousMethod."""
    if one.contract_id is not None:
        address, entries = named[one.contract_id]
    else:
        assert one.address is not None and one.type is not None  # checked by the model
        address, entries = parse_address(one.address, f"{place}.address"), abis.given(None, one.type)
    entry = abi.method(entries, one.method)
    return address, calls.data_of(entry, one.arguments, f"{place}.arguments"), entries, entry


def _outcome(entries: list[Entry], entry: Entry, outcome: reads.Outcome) -> CallOutcome:
    try:
        if not isinstance(outcome, bytes):
            raise calls.refusal_of(outcome, entries)
        return CallOutcome(success=True, result=calls.decoded(entry["outputs"], outcome), error=None)
    except Refusal as refusal:
        error = {"code": refusal.code, "message": refusal.text, "data": refusal.data}
        return CallOutcome(success=False, result=None, error=error)
