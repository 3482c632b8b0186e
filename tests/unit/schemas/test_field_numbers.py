"""Field numbers of the gRPC interface: a number once given is never given to another field."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import grpc_tools
from google.protobuf import descriptor_pb2
from grpc_tools import protoc
from hypothesis import given
from hypothesis import strategies as st

from schemas.contract import descriptors, generated, proto_files, protobuf
from schemas.contract.field_numbers import Numbers

NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
KINDS = st.sampled_from(["optional string", "optional int64"])
RELEASES = st.lists(st.dictionaries(NAMES, KINDS), min_size=1, max_size=12)


@given(RELEASES)
def test_no_number_ever_means_two_things(releases: list[dict[str, str]]) -> None:
    """This holds although fields come, go, return and change their types."""
    meanings: dict[int, tuple[str, str]] = {}
    text = ""
    for fields in releases:
        numbers = Numbers.parse(text)
        given_numbers = numbers.of("Order", fields)
        assert len(set(given_numbers.values())) == len(fields)
        for name, number in given_numbers.items():
            assert meanings.setdefault(number, (name, fields[name])) == (name, fields[name])
            assert number not in numbers.reserved("Order")
        gone = meanings.keys() - set(given_numbers.values())
        assert set(numbers.reserved("Order")) == gone
        text = numbers.text()
        assert Numbers.parse(text).messages == json.loads(text)


def test_a_message_that_goes_keeps_its_numbers() -> None:
    first = Numbers()
    first.of("Order", {"a": "optional string"})
    second = Numbers.parse(first.text())
    second.of("Claim", {"a": "optional string"})
    third = Numbers.parse(second.text())
    assert third.of("Order", {"a": "optional string"}) == {"a": 2}


def test_a_known_field_keeps_its_place_when_others_come_before_it() -> None:
    numbers = Numbers()
    numbers.of("Order", {"b": "optional string"})
    later = Numbers.parse(numbers.text())
    assert later.of("Order", {"a": "optional string", "b": "optional string"}) == {"a": 2, "b": 1}


def test_the_committed_files_are_of_one_version() -> None:
    """The lock knows every field, and has not retired any field in use."""
    found = protobuf.load(generated.openapi(), generated.NUMBERS.read_text())
    for message in found.messages.values():
        assert len({part.number for part in message.fields}) == len(message.fields)
        assert not {part.number for part in message.fields} & set(message.reserved)


def test_what_clients_compile_is_what_the_server_runs_on() -> None:
    """protoc compiles the committed files to the server's descriptors."""
    folder = generated.NUMBERS.parent
    found = protobuf.load(generated.openapi(), generated.NUMBERS.read_text())
    names = [proto_files.RESOURCES, *(proto_files.file_name(group) for group in found.services)]
    included = Path(grpc_tools.__file__).parent / "_proto"
    with tempfile.TemporaryDirectory() as out:
        target = Path(out) / "set"
        arguments = ["protoc", f"-I{folder}", f"-I{included}", f"--descriptor_set_out={target}", *names]
        assert protoc.main(arguments) == 0
        compiled = descriptor_pb2.FileDescriptorSet.FromString(target.read_bytes())
    assert {file.name for file in compiled.file} == {
        str(path.relative_to(folder)) for path in folder.rglob("*.proto")
    }
    made = {file.name: file for file in descriptors.files(found)}
    for file in compiled.file:
        assert made[file.name] == file, file.name
