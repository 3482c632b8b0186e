"""Every variable that the product reads is explained, and every explained variable is read."""

from __future__ import annotations

import re

from tests.unit.docs.pages import ROOT, Page

# Cloud Run or conventions of Google's libraries set these, not the operator.
NOT_OURS = {"K_SERVICE", "K_REVISION"}


def test_settings_are_explained() -> None:
    read: set[str] = set()
    for path in (ROOT / "shared").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        read |= set(re.findall(r"(?:environ|env)(?:\.get\(|\[)\"([A-Z][A-Z0-9_]+)\"", text))
        read |= set(re.findall(r"_required\(env, \"([A-Z_]+)\"", text))
    page = Page(ROOT / "docs" / "settings.md")
    explained = {code.split("=")[0] for _, code in page.codes()}
    assert read - NOT_OURS - explained == set()


def test_what_is_explained_is_read() -> None:
    page = Page(ROOT / "docs" / "settings.md")
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "shared").rglob("*.py"))
    source += (ROOT / "infra" / "Dockerfile").read_text(encoding="utf-8") + (
        ROOT / "infra" / "services.tf"
    ).read_text()
    rows = re.findall(r"^\| (`[^|]+) \|", page.text, re.MULTILINE)
    names = {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}
    assert {name for name in names if name not in source} == set()
