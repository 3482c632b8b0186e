"""Read functions' answers and errors with this repository's code and with web3's contract objects over the same
provider: equal results, and equal refusals, for every function of the corpus of test_encoding.py."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from eth_abi.abi import decode, encode
from eth_utils.crypto import keccak
from web3 import Web3
from web3.exceptions import ContractCustomError, ContractLogicError, ContractPanicError, Web3Exception
from web3.providers.base import BaseProvider

from shared.chain.errors import ExecutionReverted, classify
from shared.contracts import calls, values
from shared.domain.contracts import abi as rules
from shared.domain.contracts.abi import Entry
from shared.domain.errors import Refusal
from tests.unit.contracts.test_encoding import NODE, functions, openzeppelin, value


class Saying(BaseProvider):
    """Answers each call with a given value."""

    said: dict[str, Any]

    def make_request(self, method: Any, params: Any) -> Any:
        """Answer a call; after an unreadable answer, web3 also asks for the contract's code."""
        said = {"result": "0x01"} if method == "eth_getCode" else self.said
        return {"jsonrpc": "2.0", "id": 1, **said}


PROVIDER = Saying()
W3 = Web3(PROVIDER, middleware=[])


def theirs(given: Entry) -> Any:
    """web3's function object for an entry."""
    contract = W3.eth.contract(address=Web3.to_checksum_address(NODE), abi=[given])
    return contract.get_function_by_signature(rules.signature(given))


def said(function: Any, arguments: Any, **answer: Any) -> Any:
    """web3's reading of a node's answer."""
    PROVIDER.said = answer
    return function(*arguments).call()


def flat(found: Any) -> Any:
    """An answer without the names of its parts: the product's are JSON, web3's are Python's."""
    if isinstance(found, dict):
        return [flat(one) for one in found.values()]
    if isinstance(found, list | tuple):
        return [flat(one) for one in found]
    if isinstance(found, bytes):
        return "0x" + found.hex()
    return str(found) if isinstance(found, int) and not isinstance(found, bool) else found


def refused(call: Callable[..., Any], *arguments: Any, **more: Any) -> bool:
    try:
        call(*arguments, **more)
    except (Refusal, Web3Exception, ValueError, TypeError, OverflowError):
        return True
    return False


def corpus() -> Iterator[tuple[Entry, Entry, random.Random]]:
    """(as given, as checked, randomness) of every function."""
    seed = random.Random(11)
    for given in functions():
        (entry,) = rules.checked([given])
        yield given, entry, seed


def test_answers_are_those_of_web3() -> None:
    compared = 0
    for given, entry, seed in corpus():
        outputs = entry["outputs"]
        if not outputs:
            continue
        kinds = [rules.type_of(one) for one in outputs]
        wanted = values.arguments(outputs, [value(seed, one) for one in outputs])
        arguments = values.arguments(entry["inputs"], [value(seed, one) for one in entry["inputs"]])
        function, data = theirs(given), encode(kinds, wanted)
        assert flat(calls.decoded(outputs, data)) == flat(said(function, arguments, result="0x" + data.hex()))
        cut = data[: seed.randrange(len(data))]
        broken = refused(said, function, arguments, result="0x" + cut.hex())
        assert refused(calls.decoded, outputs, cut) is broken, entry
        compared += 1
    assert compared >= 500


def wrong(seed: random.Random, entry: Entry) -> tuple[list[Any], list[Any]] | None:
    """Arguments with one invalid value, as JSON and for web3; None if any value is valid."""
    given = [value(seed, one) for one in entry["inputs"]]
    native = values.arguments(entry["inputs"], given)
    for place, one in enumerate(entry["inputs"]):
        kind = one["type"]
        if kind.startswith(("int", "uint")) and not kind.endswith("]"):
            beyond = 2 ** int(kind.lstrip("uint"))
            return [*given[:place], str(beyond), *given[place + 1 :]], [
                *native[:place],
                beyond,
                *native[place + 1 :],
            ]
        text = {"address": "0x12", "bool": "maybe"}.get(kind)
        if text is not None:
            return [*given[:place], text, *given[place + 1 :]], [*native[:place], text, *native[place + 1 :]]
    return None


def test_arguments_that_cannot_be_are_refused_by_both() -> None:
    found = 0
    for given, entry, seed in corpus():
        function = theirs(given)
        right = [value(seed, one) for one in entry["inputs"]]
        native = values.arguments(entry["inputs"], right)
        pairs = [([*right, "1"], [*native, 1]), ([*right[:-1]], [*native[:-1]])] if right else [(["1"], [1])]
        if (more := wrong(seed, entry)) is not None:
            pairs.append(more)
        for ours, web3s in pairs:
            with pytest.raises(Refusal):
                calls.data_of(entry, ours)
            assert refused(said, function, web3s, result="0x"), entry
            found += 1
    assert found >= 1_000


def errors() -> list[Entry]:
    """Every error of OpenZeppelin's contracts, and generated ones."""
    found = {rules.signature(one): one for one in openzeppelin() if one["type"] == "error"}
    inputs = {rules.signature(one): one["inputs"] for one in functions()}
    made = [
        {"type": "error", "name": f"E{number}", "inputs": one} for number, one in enumerate(inputs.values())
    ]
    return rules.checked([*found.values(), *made])


def test_reverts_are_those_of_web3() -> None:
    seed, given = random.Random(5), functions()[0]
    function = theirs(given)
    arguments = values.arguments(given["inputs"], [value(seed, one) for one in given["inputs"]])
    known = errors()
    assert len(known) >= 500
    for entry in known:
        kinds = [rules.type_of(one) for one in entry["inputs"]]
        wanted = values.arguments(entry["inputs"], [value(seed, one) for one in entry["inputs"]])
        data = keccak(text=rules.signature(entry))[:4] + encode(kinds, wanted)
        shown, other = reverted(function, arguments, data, [entry], kind=ContractCustomError)
        assert other.data == "0x" + data.hex() == shown["data"]
        assert (shown["kind"], shown["name"]) == ("custom", entry["name"])
        assert flat(shown["arguments"]) == flat(decode(kinds, bytes.fromhex(other.data[10:]))), entry


def test_texts_and_panics_of_reverts_are_those_of_web3() -> None:
    given = functions()[0]
    function = theirs(given)
    arguments = values.arguments(given["inputs"], [value(random.Random(5), one) for one in given["inputs"]])
    for text in (
        "not today",
        "ŝ✓",
        "x" * 500,
    ):  # web3 takes the text from the node's message, the product from the data
        data = bytes.fromhex("08c379a0") + encode(["string"], [text])
        shown, other = reverted(function, arguments, data, [], kind=ContractLogicError, text=text)
        assert other.message == f"execution reverted: {shown['reason']}" == f"execution reverted: {text}"
    for code in (0x00, 0x01, 0x11, 0x12, 0x21, 0x22, 0x31, 0x32, 0x41, 0x51):
        data = bytes.fromhex("4e487b71") + encode(["uint256"], [code])
        shown, other = reverted(function, arguments, data, [], kind=ContractPanicError)
        assert shown["kind"] == "panic" and shown["arguments"] == (str(code),)
        assert f"{code:#04x}" in str(other.message).lower()


def reverted(
    function: Any, arguments: Any, data: bytes, known: list[Entry], *, kind: type[Exception], text: str = ""
) -> tuple[dict[str, Any], Any]:
    """(the product's description of a node's revert, web3's exception)."""
    message = f"execution reverted: {text}" if text else "execution reverted"
    with pytest.raises(kind) as raised:
        said(function, arguments, error={"code": 3, "message": message, "data": "0x" + data.hex()})
    ours = classify("execution reverted", 3, "0x" + data.hex())
    assert isinstance(ours, ExecutionReverted)
    return calls.refusal_of(ours, known).data["revert"], raised.value
