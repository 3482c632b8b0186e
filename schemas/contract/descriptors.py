"""Protobuf descriptors of the interface, for a server that creates its message classes at start."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from schemas.contract import proto_files
from schemas.contract.protobuf import PACKAGE, Field, Interface, Message, Method, service_name

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto
    from google.protobuf.descriptor_pool import DescriptorPool


def pool(interface: Interface) -> DescriptorPool:
    """A pool that contains the interface and its imports."""
    from google.protobuf import empty_pb2, struct_pb2
    from google.protobuf.descriptor_pool import DescriptorPool

    made = DescriptorPool()
    for imported in (empty_pb2, struct_pb2):
        made.AddSerializedFile(imported.DESCRIPTOR.serialized_pb)
    for file in files(interface):
        made.Add(file)
    return made


def files(interface: Interface) -> list[FileDescriptorProto]:
    """Each file's descriptor; imported files come first."""
    resources = _file(proto_files.RESOURCES, ["google/protobuf/struct.proto"], interface.resources.values())
    made = [resources]
    for group, methods in interface.services.items():
        requests = list(interface.requests.get(group, {}).values())
        imported = proto_files.imports(methods, requests)
        file = _file(proto_files.file_name(group), imported, requests)
        service = file.service.add(name=service_name(group))
        for method in methods:
            service.method.add(
                name=method.name,
                input_type=_reference(method.request),
                output_type=_reference(method.answer),
                **({"server_streaming": True} if method.streams else {}),
            )
        made.append(file)
    return made


def full_name(group: str, method: Method) -> str:
    """The path of a method on the wire."""
    return f"/{PACKAGE}.{service_name(group)}/{method.name}"


def _file(name: str, imported: Iterable[str], messages: Iterable[Message]) -> FileDescriptorProto:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    file = FileDescriptorProto(name=name, package=PACKAGE, syntax="proto3", dependency=list(imported))
    for message in messages:
        _fill(file.message_type.add(name=message.name), message)
    return file


def _fill(made: DescriptorProto, message: Message) -> None:
    if message.union:
        made.oneof_decl.add(name="is")
    for part in message.fields:
        _add(made, part, message.union)
    for part in message.fields:  # the oneofs of explicit presence must be last
        if part.label == "optional":
            made.field[_place(made, part)].oneof_index = len(made.oneof_decl)
            made.oneof_decl.add(name=f"_{part.name}")
    for number in message.reserved:
        made.reserved_range.add(start=number, end=number + 1)


def _place(made: DescriptorProto, part: Field) -> int:
    return next(place for place, one in enumerate(made.field) if one.name == part.name)


def _add(made: DescriptorProto, part: Field, union: bool) -> None:
    field = made.field.add(name=part.name, number=part.number, json_name=part.name)
    field.label = field.LABEL_REPEATED if part.label == "repeated" or part.is_map else field.LABEL_OPTIONAL
    if part.is_map:
        entry = made.nested_type.add(name=f"{_camel(part.name)}Entry")
        entry.options.map_entry = True
        for number, name in enumerate(("key", "value"), 1):
            entry.field.add(
                name=name,
                number=number,
                type=field.TYPE_STRING,
                label=field.LABEL_OPTIONAL,
                json_name=name,
            )
        field.type, field.type_name = field.TYPE_MESSAGE, f".{PACKAGE}.{made.name}.{entry.name}"
    elif part.type[0].isupper() or "." in part.type:
        field.type, field.type_name = field.TYPE_MESSAGE, _reference(part.type)
    else:
        field.type = getattr(field, f"TYPE_{part.type.upper()}")
    if union:
        field.oneof_index = 0
    elif part.label == "optional":
        field.proto3_optional = True


def _camel(name: str) -> str:
    return "".join(part.title() for part in name.split("_"))


def _reference(name: str) -> str:
    return f".{name}" if "." in name else f".{PACKAGE}.{name}"
