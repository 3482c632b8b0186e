"""The part of Terraform's plugin protocol (version 6) that returns a schema, without generated code.

The field numbers are those of the protocol; an enumeration is an integer on the wire, and a map is a list of entries.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "string": _Field.TYPE_STRING,
    "bytes": _Field.TYPE_BYTES,
    "bool": _Field.TYPE_BOOL,
    "int64": _Field.TYPE_INT64,
}
_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "Nothing": {},
    "Attribute": {
        "name": (1, "string"),
        "type": (2, "bytes"),
        "required": (4, "bool"),
        "optional": (5, "bool"),
        "computed": (6, "bool"),
    },
    "NestedBlock": {
        "type_name": (1, "string"),
        "block": (2, "Block"),
        "nesting": (3, "int64"),
        "min_items": (4, "int64"),
        "max_items": (5, "int64"),
    },
    "Block": {"attributes": (2, "Attribute*"), "block_types": (3, "NestedBlock*")},
    "Schema": {"block": (2, "Block")},
    "Entry": {"key": (1, "string"), "value": (2, "Schema")},
    "Capabilities": {"get_provider_schema_optional": (2, "bool")},
    "Schemas": {
        "provider": (1, "Schema"),
        "resources": (2, "Entry*"),
        "data_sources": (3, "Entry*"),
        "capabilities": (6, "Capabilities"),
    },
    "Value": {"msgpack": (1, "bytes")},
    "Validate": {"type_name": (1, "string"), "config": (2, "Value")},
    "Step": {"attribute_name": (1, "string"), "element_key_int": (3, "int64")},
    "Path": {"steps": (1, "Step*")},
    "Diagnostic": {
        "severity": (1, "int64"),
        "summary": (2, "string"),
        "detail": (3, "string"),
        "path": (4, "Path"),
    },
    "Diagnostics": {"diagnostics": (1, "Diagnostic*")},
}


def _declared() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="infra/check/plugin.proto", package="plugin", syntax="proto3"
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, declared) in fields.items():
            kind, many = declared.removesuffix("*"), declared.endswith("*")
            added = message.field.add(name=field, number=number)
            added.label = _Field.LABEL_REPEATED if many else _Field.LABEL_OPTIONAL
            if kind in _SCALARS:
                added.type = _SCALARS[kind]
            else:
                added.type, added.type_name = _Field.TYPE_MESSAGE, f".plugin.{kind}"
    # A step is either a name or a number. The wire must show which one, even if the number is 0.
    step = next(message for message in file.message_type if message.name == "Step")
    step.oneof_decl.add(name="selector")
    for added in step.field:
        added.oneof_index = 0
    return file


_pool = descriptor_pool.DescriptorPool()
_file = _pool.Add(_declared()) or _pool.FindFileByName("infra/check/plugin.proto")


def _class(name: str) -> Any:
    return message_factory.GetMessageClass(_file.message_types_by_name[name])


Nothing, Attribute, NestedBlock, Block = map(_class, ("Nothing", "Attribute", "NestedBlock", "Block"))
Schema, Entry, Schemas, Capabilities = map(_class, ("Schema", "Entry", "Schemas", "Capabilities"))
Validate, Step, Path = map(_class, ("Validate", "Step", "Path"))
Diagnostic, Diagnostics = map(_class, ("Diagnostic", "Diagnostics"))
