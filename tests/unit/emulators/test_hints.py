"""Commands that local runs tell people to type work when they are pasted: they name .venv's Python."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from emulators.toolkit import ROOT

SOURCES = sorted((ROOT / "emulators").rglob("*.py"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: str(source.relative_to(ROOT)))
def test_a_command_in_a_message_names_its_python(source: Path) -> None:
    tree = ast.parse(source.read_text(encoding="utf-8"))
    documents = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents
    ]
    assert [text for text in texts if "`python" in text] == []
