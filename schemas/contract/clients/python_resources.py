"""Generate the package `resources` of the Python client: a synchronous and an asynchronous class per group of
operations."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from schemas.contract.clients import operations as known
from schemas.contract.clients import python_types as types
from schemas.contract.clients.operations import ClientOperation, Field
from schemas.contract.clients.python_models import MADE, PACKAGE, docstring

M = "models."
WIDTH = 102  # characters of a docstring's line, without its indentation


def modules(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(file name, text) of each module."""
    groups = known.groups(document)
    for group, operations in groups.items():
        attribute = known.ATTRIBUTES.get(group, group)
        yield f"{attribute}.py", _module(document, group, operations)
    yield "__init__.py", _package(groups)


def _package(groups: Mapping[str, list[ClientOperation]]) -> str:
    rows = [(known.ATTRIBUTES.get(group, group), known.class_name(group)) for group in groups]
    imports = "".join(f"from {PACKAGE}.resources.{name} import Async{kind}, {kind}\n" for name, kind in rows)
    plain = "".join(f"        self.{name} = {kind}(transport)\n" for name, kind in rows)
    later = "".join(f"        self.{name} = Async{kind}(transport)\n" for name, kind in rows)
    return f'''"""All operations by group. {MADE}"""

from {PACKAGE}.transport import AsyncTransport, Transport
{imports}

class Resources:
    """The operations, one attribute for each group."""

    def __init__(self, transport: Transport) -> None:
{plain}

class AsyncResources:
    """The operations, one attribute for each group."""

    def __init__(self, transport: AsyncTransport) -> None:
{later}'''


def _module(document: Mapping[str, Any], group: str, operations: list[ClientOperation]) -> str:
    inputs = types.input_names(known.operations(document), document["components"]["schemas"])
    kind = known.class_name(group)
    plain = "\n".join(_method(document, one, inputs, later=False) for one in operations)
    later = "\n".join(_method(document, one, inputs, later=True) for one in operations)
    text = f'''class {kind}(Group):
    """`client.{operations[0].attribute}`"""

{plain}

class Async{kind}(AsyncGroup):
    """`client.{operations[0].attribute}`"""

{later}'''
    return _head(group, text) + text


def _head(group: str, text: str) -> str:
    """The imports that the text needs."""
    abc = [name for name in ("Mapping", "Sequence") if f"{name}[" in text]
    typing = [name for name in ("Any", "Literal") if f"{name}[" in text or (name == "Any" and "Any" in text)]
    lines = [f'"""The operations of {group}. {MADE}"""\n\nfrom __future__ import annotations\n']
    lines += [f"from collections.abc import {', '.join(abc)}"] * bool(abc)
    lines += ["from datetime import datetime"] * ("datetime" in text)
    lines += [f"from typing import {', '.join(typing)}"] * bool(typing)
    lines += ["", f"from {PACKAGE} import models"] * ("models." in text)
    lines += [f"from {PACKAGE}.calls import Call"]
    lines += [f"from {PACKAGE}.decoding import UNSET, Unset"] * ("UNSET" in text)
    pages = [name for name in ("AsyncPages", "Pages") if f"{name}[" in text]
    lines += [f"from {PACKAGE}.pages import {', '.join(pages)}"] * bool(pages)
    if "EventStream" in text:
        lines += [f"from {PACKAGE}.streams import AsyncEventStream, EventStream"]
    return "\n".join([*lines, f"from {PACKAGE}.transport import AsyncGroup, Group", "", "", ""])


def _method(
    document: Mapping[str, Any], one: ClientOperation, inputs: Mapping[str, str], *, later: bool
) -> str:
    item = known.page_item(document, one.answer)
    answer = types.answer_type(one.answer, M) if one.answer else "None"
    about = docstring("\n\n".join(_texts(one)), "        ")
    prefix = "Async" if later else ""
    arguments = _arguments(one, inputs, paged=item is not None)
    call = _call(one, answer if not one.streams else "None")
    if one.streams:
        head, result = (
            f"def {one.name}({arguments}) -> {prefix}EventStream",
            f"{prefix}EventStream(self._transport, {call})",
        )
    elif item is not None:
        pages = f"{prefix}Pages[{answer}, {types.answer_type(item, M)}]"
        head, result = f"def {one.name}({arguments}) -> {pages}", f"{prefix}Pages(self._run, {call})"
    else:
        answer = f"{answer} | None" if one.empty and one.answer else answer
        head = f"{'async ' if later else ''}def {one.name}({arguments}) -> {answer}"
        result = f"{'await ' if later else ''}self._run({call})"
    returned = result if answer == "None" and not one.streams else f"return {result}"
    return f"    {head}:\n{about}        {returned}\n"


def _texts(one: ClientOperation) -> Iterator[str]:
    """The paragraphs of a method's docstring: the operation, the body, and each argument that has a description."""
    yield from filter(None, (one.summary, one.description))
    if one.body_text:
        yield textwrap.fill(one.body_text, WIDTH)
    rows = [
        textwrap.fill(f"{types.python_name(field.name)}: {field.text}", WIDTH, subsequent_indent="    ")
        for field in (*one.path_fields, *one.body, *one.query)
        if field.text
    ]
    if rows:
        yield "\n".join(rows)


def _arguments(one: ClientOperation, inputs: Mapping[str, str], *, paged: bool) -> str:
    parts = ["self", *(f"{types.python_name(field.name)}: str" for field in one.path_fields)]
    named = [_argument(field, inputs) for field in (*one.body, *one.query)]
    if "Idempotency-Key" in one.headers:
        named.append("idempotency_key: str | None = None")
    if "If-Match" in one.headers:
        named.append("if_match: int | None = None")
    if "Min-Version" in one.headers:
        named.append("min_version: int | None = None")
    if one.method == "GET" and not one.streams:
        named.append("fresh: bool = False")
    if not one.streams:
        named.append("timeout: float | None = None")
    named.sort(key=lambda part: "=" in part)
    return ", ".join([*parts, "*", *named] if named else parts)


def _argument(field: Field, inputs: Mapping[str, str]) -> str:
    name, kind = types.python_name(field.name), types.argument_type(field.schema, inputs, M)
    if field.name == "types":  # one or several types
        kind = "Sequence[str] | str | None"
    if field.required:
        return f"{name}: {kind}"
    return f"{name}: {kind.removesuffix(' | None')} | Unset{' | None' * kind.endswith(' | None')} = UNSET"


def _call(one: ClientOperation, answer: str) -> str:
    kind = f"{answer} | None" if one.empty and one.answer else answer
    parts = [f'"{one.method}"', f'"{one.path}"', kind]
    for name, fields in (("values", one.path_fields), ("query", one.query), ("body", one.body)):
        if fields or (name == "body" and one.has_body):
            rows = ", ".join(f'"{field.name}": {types.python_name(field.name)}' for field in fields)
            parts.append(f"{name}={{{rows}}}")
    if "Idempotency-Key" in one.headers:
        parts += ["takes_key=True", "idempotency_key=idempotency_key"]
    parts += [f"{header}={header}" for header in _conditions(one)]
    if one.public:
        parts.append("signed=False")
    typed = "Call[None]" if kind == "None" else "Call"  # otherwise the type is unknown
    return f"{typed}({', '.join(parts)})"


def _conditions(one: ClientOperation) -> Iterator[str]:
    if "If-Match" in one.headers:
        yield "if_match"
    if "Min-Version" in one.headers:
        yield "min_version"
    if one.method == "GET" and not one.streams:
        yield "fresh"
    if not one.streams:
        yield "timeout"
