"""The glossary and the classes agree: every row class of the domain is a term, and a term's class has the term's
name."""

from __future__ import annotations

import importlib
import pkgutil
import re

import shared.store.tables
from shared.store.table import TABLES
from tests.unit.docs.pages import ROOT, Page, source

GLOSSARY = Page(ROOT / "docs" / "glossary.md")
ROWS = re.findall(r"^\| ([^|]+?) \| (?:`(\w+)`)? ?\| (.+?) \|$", GLOSSARY.text, re.MULTILINE)
TERMS = {term: name for term, name, _ in ROWS if term != "term"}


def class_name(term: str) -> str:
    """`order item` → OrderItem."""
    return "".join(word.capitalize() for word in re.split(r"[ -]", term))


def domain_rows() -> set[str]:
    """The dataclasses of shared/domain that are table rows."""
    for module in pkgutil.iter_modules(shared.store.tables.__path__, "shared.store.tables."):
        importlib.import_module(module.name)
    rows = {table.row for table in TABLES.values()}
    return {row.__name__ for row in rows if row.__module__.startswith("shared.domain.")}


def test_every_line_is_read() -> None:
    lines = [line for line in GLOSSARY.text.splitlines() if line.startswith("| ") and "| term |" not in line]
    assert len(lines) == len(TERMS) > 50  # also: no term twice


def test_every_row_of_the_domain_is_a_term() -> None:
    rows = domain_rows()
    assert {"Supply", "Order", "Claim", "Transaction"} <= rows
    assert rows - set(TERMS.values()) == set()


def test_a_terms_class_has_its_name() -> None:
    assert {term: name for term, name in TERMS.items() if name and name != class_name(term)} == {}


def test_a_terms_class_exists() -> None:
    classes = set(re.findall(r"^class (\w+)", source(), re.MULTILINE))
    assert {name for name in TERMS.values() if name} - classes == set()


def test_a_term_that_is_a_class_of_the_domain_says_so() -> None:
    unsaid = {term for term, name in TERMS.items() if not name and class_name(term) in domain_rows()}
    assert unsaid == set()
