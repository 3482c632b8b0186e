"""The product's calls compared with web3's contract objects: the same bytes for OpenZeppelin's ABIs and generated
ones."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from eth_abi.abi import encode
from web3 import Web3

from emulators.toolkit import ROOT
from shared.contracts import calls, values
from shared.domain.contracts import abi as rules
from shared.domain.contracts import answers, standards
from shared.domain.contracts.abi import Entry
from shared.domain.contracts.answers import AnswerTooLarge

NODE = "0x" + "11" * 20
GENERATED = 400


def openzeppelin() -> Iterator[Entry]:
    """Every function of the contracts in OpenZeppelin's package."""
    for file in sorted(
        (ROOT / "node_modules" / "@openzeppelin" / "contracts" / "build" / "contracts").glob("*.json")
    ):
        yield from json.loads(file.read_text())["abi"]


def parameter(random: random.Random, depth: int = 0) -> Entry:
    base = random.choice(
        [
            "uint256",
            "int8",
            "uint128",
            "int256",
            "address",
            "bool",
            "string",
            "bytes",
            "bytes1",
            "bytes32",
            "tuple",
        ]
        if depth < 3
        else ["uint64", "bytes4", "string"]
    )
    made: Entry = {"name": random.choice(["", f"a{random.randrange(100)}"]), "type": base}
    if base == "tuple":
        made["components"] = [parameter(random, depth + 1) for _ in range(random.randrange(1, 4))]
    for _ in range(random.choice([0, 0, 0, 1, 2])):
        made["type"] += random.choice(["[]", "[2]"])
    return made


def generated() -> Iterator[Entry]:
    seed = random.Random(15)
    for number in range(GENERATED):
        inputs = [parameter(seed) for _ in range(seed.randrange(5))]
        yield {"type": "function", "name": f"f{number}", "inputs": inputs, "outputs": inputs}


def value(random: random.Random, one: Entry) -> Any:
    """A random value for a parameter, as JSON."""
    kind = one["type"]
    if kind.endswith("]"):
        item, _, size = kind[:-1].rpartition("[")
        count = int(size) if size else random.randrange(3)
        return [value(random, one | {"type": item}) for _ in range(count)]
    if kind == "tuple":
        return [value(random, part) for part in one["components"]]
    return random.random() < 0.5 if kind == "bool" else scalar(random, kind)


def scalar(random: random.Random, kind: str) -> str:
    if kind == "string":
        return random.choice(["", "ŝ✓ text", "x" * 40])
    if kind == "address":
        return str(Web3.to_checksum_address(random.randbytes(20)))
    if kind.startswith("bytes"):
        return "0x" + random.randbytes(int(kind[5:] or random.randrange(40))).hex()
    bits = int(kind.lstrip("uint"))
    low, high = (0, 2**bits - 1) if kind.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return str(random.choice([low, high, random.randint(low, high)]))


def functions() -> list[Entry]:
    entries = [one for one in (*openzeppelin(), *generated()) if one["type"] == "function"]
    for kind in ("erc20", "erc721", "erc1155"):
        entries += rules.of_kind(standards.abi_of(kind), "function")  # type: ignore[arg-type]
    unique = {rules.signature(one): one for one in entries}
    return list(unique.values())


def test_calls_and_answers_are_those_of_web3() -> None:
    entries, seed = functions(), random.Random(7)
    assert len(entries) >= 500
    for given in entries:
        (entry,) = rules.checked([given])
        arguments = [value(seed, one) for one in entry["inputs"]]
        contract = Web3().eth.contract(address=Web3.to_checksum_address(NODE), abi=[given])
        native = values.arguments(entry["inputs"], arguments)
        data = calls.data_of(entry, arguments)
        function = contract.get_function_by_signature(rules.signature(entry))
        assert "0x" + data.hex() == function(*native)._encode_transaction_data(), rules.signature(entry)
        _, decoded = contract.decode_function_input(data)
        named = all(one["name"] for one in entry["inputs"])
        if named and len({one["name"] for one in entry["inputs"]}) == len(entry["inputs"]):
            assert list(decoded) == [one["name"] for one in entry["inputs"]]
        if entry["inputs"]:
            shown = values.together(entry["inputs"], calls.raw(entry["inputs"], data[4:]))
            again = calls.data_of(entry, shown)
            assert again == data, rules.signature(entry)  # the round trip loses nothing


def output(kind: str, *components: Entry) -> list[Entry]:
    made = {
        "type": "function",
        "name": "f",
        "outputs": [{"name": "", "type": kind, "components": list(components)}],
    }
    return list(rules.checked([made])[0]["outputs"])


@pytest.mark.parametrize("kind", ["uint256[][][]", "string[][]", "bytes[][]", "uint8[2][][]"])
def test_answers_that_fold_much_into_little_are_refused(kind: str) -> None:
    words = [0x20, 300, *[300 * 32] * 300, 300, *[300 * 32] * 300, 300, *[0] * 300]
    data = b"".join(word.to_bytes(32, "big") for word in words)
    if kind.startswith(("string", "bytes")):
        data = data[: -300 * 32] + (9_000).to_bytes(32, "big") + bytes(9_600)
    with pytest.raises(AnswerTooLarge):
        answers.require_bounded(output(kind), data)


def test_long_answers_are_decoded_up_to_the_bound() -> None:
    kind, fits = "uint256[]", [1] * 30_000
    assert len(calls.decoded(output(kind), encode([kind], [fits]))) == 30_000
    with pytest.raises(AnswerTooLarge):
        calls.decoded(output(kind), encode([kind], [[1] * 40_000]))
    with pytest.raises(AnswerTooLarge):
        calls.decoded(output("uint256[999999999]"), bytes(64))


def test_a_large_type_is_measured_once_however_often_it_stands_in_an_answer() -> None:
    """Sixty-four bytes of an answer could block a process for an hour: they declare an array of sixty thousand large
    tuples, none of which is present."""
    looked = 0

    class Counted(dict[str, Any]):
        def __getitem__(self, name: str) -> Any:
            nonlocal looked
            looked += 1
            return super().__getitem__(name)

    plain = [Counted(name="", type="bool") for _ in range(200)]
    parts = [Counted(name="", type="tuple", components=plain) for _ in range(20)]
    large = Counted(
        name="",
        type="tuple[]",
        components=[Counted(name="", type="tuple", components=parts), *output("bytes")],
    )
    data = (32).to_bytes(32, "big") + (30_000).to_bytes(32, "big")
    answers.require_bounded([large], data)
    with pytest.raises(AnswerTooLarge):
        answers.require_bounded([large], data[:32] + (40_000).to_bytes(32, "big"))
    assert looked < 50_000


def test_entries_of_endless_types_are_refused() -> None:
    part: Entry = {"name": "", "type": "tuple", "components": [{"name": "", "type": "bool"}] * 200}
    large: Entry = {"name": "", "type": "tuple", "components": [part] * 20}
    for kind in ("function", "event", "error"):
        with pytest.raises(rules.InvalidAbi):
            rules.checked([{"type": kind, "name": "f", "inputs": [large]}])
    with pytest.raises(rules.InvalidAbi):
        rules.checked([{"type": "function", "name": "f", "inputs": [], "outputs": [large]}])
    rules.checked([{"type": "function", "name": "f", "inputs": [part] * 10, "outputs": [part]}])
