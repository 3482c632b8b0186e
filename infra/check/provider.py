"""A provider that only has the google provider's schema.

`terraform validate` and tests with mocked providers ask a provider for its schema and for the validation of each
block. This provider answers both from a file, without a cloud. Variables tell Terraform its address (`serving`), so
nothing is installed or downloaded.
"""

from __future__ import annotations

import gzip
import json
import os
import tempfile
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import msgpack

from infra.check import protocol as p

SCHEMA = Path(__file__).parent / "schema.json.gz"
ADDRESS = "registry.terraform.io/hashicorp/google"
NESTING = {"single": 1, "list": 2, "set": 3, "map": 4}
ERROR = 1


def read_schema(path: Path = SCHEMA) -> dict[str, Any]:
    """The committed part of the provider's schema."""
    found: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    return found


@contextmanager
def serving(schema: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Serve the schema for the duration of the block; yields the variables that make Terraform use it."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(
            answer, request.FromString, lambda reply: reply.SerializeToString()
        )
        for name, (request, answer) in _calls(schema).items()
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("tfplugin6.Provider", handlers),))
    with tempfile.TemporaryDirectory() as folder:
        socket = f"{folder}/provider.sock"
        server.add_insecure_port(f"unix:{socket}")
        server.start()
        where = {"Network": "unix", "String": socket}
        there = {"Protocol": "grpc", "ProtocolVersion": 6, "Pid": os.getpid(), "Test": True, "Addr": where}
        try:
            yield {"TF_REATTACH_PROVIDERS": json.dumps({ADDRESS: there})}
        finally:
            server.stop(grace=None).wait()


def _calls(schema: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    all_schemas = _schemas(schema)
    fine = p.Nothing()
    return {
        "GetProviderSchema": (p.Nothing, lambda request, context: all_schemas),
        "ValidateProviderConfig": (p.Nothing, lambda request, context: fine),
        "ConfigureProvider": (p.Nothing, lambda request, context: fine),
        "StopProvider": (p.Nothing, lambda request, context: fine),
        "ValidateResourceConfig": (
            p.Validate,
            lambda request, context: _opinion(schema["resource"], request),
        ),
        "ValidateDataResourceConfig": (
            p.Validate,
            lambda request, context: _opinion(schema["data"], request),
        ),
    }


def _schemas(schema: dict[str, Any]) -> Any:
    def entries(group: str) -> list[Any]:
        return [p.Entry(key=name, value=p.Schema(block=_block(b))) for name, b in schema[group].items()]

    return p.Schemas(
        provider=p.Schema(block=_block(schema["provider"]["google"])),
        resources=entries("resource"),
        data_sources=entries("data"),
        # Otherwise Terraform requests the complete schema again with each call.
        capabilities=p.Capabilities(get_provider_schema_optional=True),
    )


def _block(block: dict[str, Any]) -> Any:
    def attribute(name: str, entry: dict[str, Any]) -> Any:
        flags = {flag: entry.get(flag, False) for flag in ("required", "optional", "computed")}
        return p.Attribute(name=name, type=json.dumps(entry["type"]).encode(), **flags)

    def nested(name: str, entry: dict[str, Any]) -> Any:
        return p.NestedBlock(
            type_name=name,
            block=_block(entry["block"]),
            nesting=NESTING[entry["nesting"]],
            min_items=entry.get("min_items", 0),
            max_items=entry.get("max_items", 0),
        )

    return p.Block(
        attributes=[attribute(name, entry) for name, entry in sorted(block["attributes"].items())],
        block_types=[nested(name, entry) for name, entry in sorted(block["block_types"].items())],
    )


def _opinion(schemas: dict[str, Any], request: Any) -> Any:
    """Validate a block beyond its shape: report values outside of a documented list."""
    unknown = lambda code, data: None  # noqa: E731 - a value that is known after apply
    value = msgpack.unpackb(request.config.msgpack, ext_hook=unknown, strict_map_key=False)
    return p.Diagnostics(
        diagnostics=[_diagnostic(*found) for found in _wrong(schemas[request.type_name], value)]
    )


def _wrong(
    block: dict[str, Any], value: dict[str, Any], path: tuple[str | int, ...] = ()
) -> Iterator[tuple[Any, str]]:
    for name, entry in block["attributes"].items():
        given = value.get(name)
        if "enum" in entry and isinstance(given, str) and given not in entry["enum"]:
            yield (*path, name), f"{name} must be one of {', '.join(entry['enum'])}, not {given}."
    for name, entry in block["block_types"].items():
        inner = value.get(name)
        if isinstance(inner, dict):
            yield from _wrong(entry["block"], inner, (*path, name))
        for index, item in enumerate(inner if isinstance(inner, list) else ()):
            if isinstance(item, dict):
                yield from _wrong(entry["block"], item, (*path, name, index))


def _diagnostic(path: tuple[str | int, ...], text: str) -> Any:
    steps = [p.Step(element_key_int=at) if isinstance(at, int) else p.Step(attribute_name=at) for at in path]
    return p.Diagnostic(
        severity=ERROR, summary="The API does not accept this value", detail=text, path=p.Path(steps=steps)
    )
