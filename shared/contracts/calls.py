"""Call contract functions by their ABI: web3 encodes the call and decodes the answer of our nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from shared.chain import reverts
from shared.chain.client import ChainClient
from shared.chain.errors import (
    Ambiguous,
    AnswerTooLong,
    ExecutionReverted,
    GasLimit,
    InsufficientFunds,
    Lagging,
    NodeError,
)
from shared.contracts import provider, values
from shared.domain.contracts import abi as rules
from shared.domain.contracts import answers
from shared.domain.contracts.abi import Entry
from shared.domain.contracts.answers import AnswerTooLarge, AnswerUnreadable
from shared.domain.errors import InvalidValue, Refusal
from shared.keys import web3_imports
from shared.keys.addresses import ZERO_ADDRESS


class CallReverted(Refusal):
    """`data.revert` holds the kind, reason, name, arguments and data of the failure."""

    code, status, message = "CALL_REVERTED", 422, "The contract reverted this call."


class CallFailed(Refusal):
    """`data.reason` is the node's reason: out of gas, or more computation than the node allows for a call."""

    code, status, message = "CALL_FAILED", 422, "The call fails on chain."


def data_of(entry: Entry, given: Any, place: str = "arguments") -> bytes:
    """The bytes of a call. Raises InvalidValue naming the field."""
    arguments = values.arguments(entry["inputs"], given, place)
    w3 = provider.offline()
    function = _function(w3, entry, ZERO_ADDRESS)(*arguments)
    return bytes.fromhex(str(function._encode_transaction_data())[2:])


def constructor_data(entry: Entry, given: Any) -> bytes:
    """A constructor's encoded arguments, which follow the code. Raises InvalidValue (`arguments…`)."""
    arguments = values.arguments(entry["inputs"], given)
    kinds = [rules.type_of(one) for one in entry["inputs"]]
    return bytes(provider.offline().codec.encode(kinds, arguments))


def call(
    client: ChainClient,
    abi: Sequence[Entry],
    address: str,
    entry: Entry,
    given: Any,
    *,
    sender: str = ZERO_ADDRESS,
    block: int | str = "latest",
) -> Any:
    """Call a function and return its answer as JSON (see `values`).

    Raises InvalidValue, CallReverted, CallFailed, AnswerTooLarge, AnswerUnreadable, ChainError.
    """
    request = {"from": sender, "to": address, "data": "0x" + data_of(entry, given).hex()}
    try:
        answer = bytes(provider.connected(client).eth.call(request, block, None, False))
    except Lagging:
        raise InvalidValue("block", "no node of the chain has this block, or its state") from None
    except AnswerTooLong:
        raise AnswerTooLarge(limit=answers.MAX_BYTES, unit="bytes") from None
    except (ExecutionReverted, Ambiguous, GasLimit, InsufficientFunds) as error:
        raise refusal_of(error, abi) from None
    return decoded(entry["outputs"], answer)


def refusal_of(error: NodeError, abi: Sequence[Entry]) -> Refusal:
    """The refusal that the caller of a failed call gets."""
    if isinstance(error, ExecutionReverted):
        return CallReverted(revert=asdict(reverts.decode_revert(error.data, abi, error.text)))
    return CallFailed(reason=error.text[:300])


def reverted(data: bytes) -> ExecutionReverted:
    """The error of a revert that another contract reported."""
    return ExecutionReverted("execution reverted", None, bytes(data))


def decoded(outputs: Sequence[Entry], answer: bytes) -> Any:
    """An answer as JSON. Raises AnswerTooLarge, AnswerUnreadable."""
    return values.results(outputs, raw(outputs, answer))


def raw(outputs: Sequence[Entry], answer: bytes) -> Sequence[Any]:
    """The values of an answer, as the library decodes them. Raises AnswerTooLarge, AnswerUnreadable."""
    if not outputs:
        return ()
    from eth_abi.exceptions import DecodingError

    answers.require_bounded(outputs, answer)
    kinds = [rules.type_of(one) for one in outputs]
    try:
        found: Sequence[Any] = provider.offline().codec.decode(kinds, answer)
    except (DecodingError, OverflowError, UnicodeDecodeError, ValueError):
        raise AnswerUnreadable(**answers.shown(answer)) from None
    return found


def _function(w3: Any, entry: Entry, address: str) -> Any:
    """web3's function object alone: an ABI's names would overwrite attributes of a contract object."""
    kind: Any = web3_imports.web3("contract.contract").ContractFunction
    return kind.factory(entry["name"], w3=w3, address=address, contract_abi=[entry], abi=entry)
