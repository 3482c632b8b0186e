"""Generate the interface as .proto files: `wallet/v1/resources.proto`, and one file per service."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import Final

from schemas.contract.protobuf import EMPTY, PACKAGE, Field, Interface, Message, Method, service_name

FOLDER: Final = "wallet/v1"
RESOURCES: Final = f"{FOLDER}/resources.proto"
_HEAD: Final = (
    "// Made by `make generate` from the operations' declarations; numbers.json keeps the field numbers.\n"
)


def file_name(group: str) -> str:
    return f"{FOLDER}/{group}.proto"


def files(interface: Interface) -> dict[str, str]:
    """The text of each file, by its path below schemas/proto."""
    found = {RESOURCES: _file(["google/protobuf/struct.proto"], _messages(interface.resources.values()))}
    for group, methods in interface.services.items():
        requests = interface.requests.get(group, {}).values()
        body = [*_service(group, methods), *_messages(requests)]
        found[file_name(group)] = _file(imports(methods, requests), body)
    return found


def imports(methods: Iterable[Method], requests: Iterable[Message]) -> list[str]:
    """The sorted imports of a service's file."""
    types = {part.type for message in requests for part in message.fields}
    ends = {name for method in methods for name in (method.request, method.answer)}
    own = {message.name for message in requests}
    found = {"google/protobuf/empty.proto"} if EMPTY in ends else set()
    if any(name.startswith("google.protobuf.") for name in types):
        found.add("google/protobuf/struct.proto")
    if any("." not in name and name not in own for name in ends) or any(name[0].isupper() for name in types):
        found.add(RESOURCES)
    return sorted(found)


def _file(imported: Iterable[str], body: Iterable[str]) -> str:
    lines = [_HEAD, 'syntax = "proto3";\n', f"package {PACKAGE};\n"]
    lines += [f'import "{name}";' for name in imported]
    return "\n".join([*lines, "", *body]).rstrip() + "\n"


def _comment(text: str, indent: str = "") -> Iterator[str]:
    for paragraph in text.split("\n"):
        yield from (f"{indent}// {line}".rstrip() for line in textwrap.wrap(paragraph, 110) or [""])


def _service(group: str, methods: Iterable[Method]) -> Iterator[str]:
    yield f"service {service_name(group)} {{"
    for method in methods:
        yield from _comment(method.text, "  ")
        answer = f"{'stream ' if method.streams else ''}{_reference(method.answer)}"
        yield f"  rpc {method.name}({_reference(method.request)}) returns ({answer});"
    yield "}\n"


def _messages(messages: Iterable[Message]) -> Iterator[str]:
    for message in messages:
        yield from _comment(message.text) if message.text else ()
        yield f"message {message.name} {{"
        if message.reserved:
            yield f"  reserved {', '.join(map(str, message.reserved))};"
        if message.union:
            yield "  oneof is {"
        pad = "    " if message.union else "  "
        yield from (pad + _field(part) for part in message.fields)
        if message.union:
            yield "  }"
        yield "}\n"


def _field(part: Field) -> str:
    label = f"{part.label} " if part.label else ""
    named = f' [json_name = "{part.name}"]' if "_" in part.name else ""  # the default is camelCase
    return f"{label}{_reference(part.type)} {part.name} = {part.number}{named};"


def _reference(name: str) -> str:
    """A type's name from the root, because a method may have the same name as a message."""
    if name[0].isupper():
        return f".{PACKAGE}.{name}"
    return f".{name}" if name.startswith("google.") else name
