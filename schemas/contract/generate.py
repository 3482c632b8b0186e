"""Generate the files that derive from the decorators and models: `python -m schemas.contract.generate [--check]`.

    schemas/catalog.json    every operation with its triggers, needs and topics (Terraform and rollout read it)
    schemas/openapi.json    OpenAPI 3.1 of the HTTP triggers
    schemas/routes.json     the methods of each path
    schemas/pubsub/*.json   the JSON schema of each command
    schemas/proto/          the gRPC interface, and the lock of its field numbers
    docs/reference.md       routes, commands, schedules and error codes for people
    docs/identity.md        its table of permissions
    functions/site/errors.html   the error codes, the targets of each error's `doc_url`
    clients/                models and operations of the client libraries, and the Postman collection

`--check` writes nothing and exits with 1 naming the files that are stale.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from schemas.contract.generated import FOLDER, NUMBERS
from shared.runtime import operation
from shared.runtime.operation import Operation


def catalog_document() -> dict[str, Any]:
    """The catalog as data."""
    return {"operations": {name: _operation(entry) for name, entry in operation.catalog().items()}}


def _operation(entry: Operation) -> dict[str, Any]:
    return {
        "module": entry.module,
        "group": entry.group,
        "service": entry.service,
        "trust": entry.trust,
        "writes": entry.writes,
        "summary": entry.summary,
        "needs": sorted(entry.needs),
        "publishes": sorted(entry.publishes),
        "http": [
            {
                "method": trigger.method,
                "path": trigger.path,
                "permission": trigger.permission,
                "idempotency": trigger.idempotency,
                "media": trigger.media,
                "writes": trigger.writes,
                "shared": trigger.shared,
            }
            for trigger in entry.https
        ],
        "messages": [
            {
                "topic": trigger.topic,
                "types": list(trigger.types),
                "command": trigger.request is not None,
                "filter": trigger.filter,
            }
            for trigger in entry.messages
        ],
        "schedules": [{"seconds": trigger.seconds, "cron": trigger.cron} for trigger in entry.schedules],
    }


def routes() -> dict[str, list[str]]:
    """The methods of each path."""
    found: dict[str, list[str]] = {}
    for entry in operation.catalog().values():
        for trigger in entry.https:
            found[trigger.path] = sorted({*found.get(trigger.path, ()), trigger.method})
    return found


def command_schemas() -> Iterator[tuple[str, dict[str, Any]]]:
    """(command type, JSON schema of its data)."""
    for entry in operation.catalog().values():
        for trigger in entry.messages:
            if trigger.request is not None:
                for kind in trigger.types:
                    yield kind, trigger.request.model_json_schema()


def files() -> dict[Path, str]:
    """Every generated file with its content."""
    from schemas.contract import error_page
    from schemas.contract.clients import files as clients
    from schemas.contract.openapi import document, refusals
    from schemas.contract.permissions import written_into
    from schemas.contract.reference import page

    described = document(operation.catalog())
    catalog = catalog_document()
    for name, path in grpc_paths(described).items():
        catalog["operations"][name]["grpc"] = path
    found = {
        FOLDER / "catalog.json": catalog,
        FOLDER / "openapi.json": described,
        FOLDER / "routes.json": routes(),
    }
    for kind, schema in command_schemas():
        found[FOLDER / "pubsub" / f"{kind}.json"] = schema
    written = {path: json.dumps(content, indent=2, sort_keys=True) + "\n" for path, content in found.items()}
    written |= protobuf_files(found[FOLDER / "openapi.json"])
    docs = FOLDER.parent / "docs"
    identity = docs / "identity.md"
    site = FOLDER.parent / "functions" / "site"
    made = {
        docs / "reference.md": page(operation.catalog()),
        identity: written_into(identity.read_text(), operation.catalog()),
        site / "errors.html": error_page.page(refusals()),
    }
    return written | made | clients.files(described)


def grpc_paths(document: dict[str, Any]) -> dict[str, str]:
    """The path of each operation's gRPC method, if it has one."""
    from schemas.contract import descriptors
    from schemas.contract.field_numbers import Numbers
    from schemas.contract.protobuf import interface

    services = interface(document, Numbers()).services
    return {m.operation: descriptors.full_name(g, m) for g, methods in services.items() for m in methods}


def protobuf_files(document: dict[str, Any]) -> dict[Path, str]:
    """The .proto files, and the lock including the numbers of new fields."""
    from schemas.contract import proto_files
    from schemas.contract.field_numbers import Numbers
    from schemas.contract.protobuf import interface

    numbers = Numbers.parse(NUMBERS.read_text() if NUMBERS.exists() else "")
    made = proto_files.files(interface(document, numbers))
    return {NUMBERS: numbers.text()} | {NUMBERS.parent / name: text for name, text in made.items()}


def stale() -> list[Path]:
    """Generated files that are missing, differ, or are no longer needed."""
    from schemas.contract.clients import files as clients

    wanted = files()
    changed = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    owned = [*(FOLDER / "pubsub").glob("*.json"), *clients.owned(), *NUMBERS.parent.rglob("*.proto")]
    return changed + [path for path in owned if path not in wanted]


def main(arguments: list[str]) -> int:
    old = stale()
    if "--check" in arguments:
        for path in old:
            sys.stderr.write(f"stale: {path.relative_to(FOLDER.parent)} (run: make generate)\n")
        return 1 if old else 0
    wanted = files()
    for path in old:
        path.unlink(missing_ok=True)
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
