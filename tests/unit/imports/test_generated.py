"""Generated files depend only on the code: not on hash order or on earlier imports."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache

import pytest

from emulators.toolkit import ROOT
from schemas.contract import generated
from shared.domain import event_types
from shared.domain.errors import Refusal
from shared.runtime import operation

_DIGEST = """
import hashlib, importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
from schemas.contract.generate import files
text = json.dumps({str(path): content for path, content in sorted(files().items())})
print(hashlib.sha256(text.encode()).hexdigest())
"""


class OfATest(Refusal):
    code = "OF_A_TEST"


@cache
def digest(seed: str, *first: str) -> str:
    env = {**os.environ, "PYTHONHASHSEED": seed}
    command = [sys.executable, "-c", _DIGEST, *first]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=100, check=True)
    return done.stdout.strip()


def written_codes() -> Iterator[str]:
    """Every `code = "…"` or `code, status, … = "…", …` in a class body of shared/ or functions/."""
    for folder in ("shared", "functions"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ClassDef):
                    yield from _codes(node)


def _codes(node: ast.ClassDef) -> Iterator[str]:
    for line in node.body:
        if isinstance(line, ast.Assign):
            target, value = line.targets[0], line.value
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                target, value = target.elts[0], value.elts[0]
            named = isinstance(target, ast.Name) and target.id == "code"
            if named and isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield value.value


def test_it_is_the_same_in_every_process() -> None:
    assert digest("1", "functions.claims.claim_order", "shared.adapters.rate_limits") == digest("2")


def test_this_process_gives_the_same_with_a_refusal_of_its_own() -> None:
    from schemas.contract.generate import files

    text = json.dumps({str(path): content for path, content in sorted(files().items())})
    assert hashlib.sha256(text.encode()).hexdigest() == digest("2")


def test_every_code_in_the_source_is_in_the_document() -> None:
    from schemas.contract.openapi import document

    error = document(operation.catalog())["components"]["schemas"]["Error"]["properties"]["error"]
    listed, written = set(error["properties"]["code"]["enum"]), set(written_codes())
    assert len(written) > 50
    assert written - listed == set(), "classes with a code that are no Refusal, or are not found"
    assert listed - written <= {Refusal.code}


@pytest.mark.parametrize("topic", event_types.COMMAND_TOPICS)
def test_the_file_knows_every_command_type(topic: str) -> None:
    triggers = [t for entry in operation.catalog().values() for t in entry.messages if t.topic == topic]
    assert generated.commands()[topic] == {kind for t in triggers for kind in t.types} - {"*"}


def test_dead_letters_are_recorded_of_every_topic_of_commands_and_sent_again_to_every_topic() -> None:
    catalog = operation.catalog()
    recorded = {t.topic for t in catalog["record_dead_letter"].messages} - {"dead-letters"}
    assert recorded == set(event_types.COMMAND_TOPICS)
    taken = {t.topic for entry in catalog.values() for t in entry.messages} - {"dead-letters"}
    assert {topic for topic in taken if topic.endswith("-commands")} == recorded
    assert catalog["redrive_dead_letter"].publishes == taken
    assert catalog["record_dead_letter"].publishes == recorded | {
        topic.replace("-commands", "-events") for topic in recorded
    }
