"""Every link from a document into the repository has a target."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from tests.unit.docs.pages import Page, pages, tracked


def broken(page: Page) -> list[str]:
    found = []
    for line, target in page.links():
        if "://" in target:
            if not target.startswith("https://"):
                found.append(f"{page.name}:{line}: {target} is not https")
            continue
        path, _, anchor = unquote(target).partition("#")
        there = (page.path.parent / path).resolve() if path else page.path
        if there != page.path and Page(there).name not in tracked():
            found.append(f"{page.name}:{line}: {target} is not there")
        elif anchor and anchor not in Page(there).anchors:
            found.append(f"{page.name}:{line}: {target} has no such heading")
    return found


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_links_lead_somewhere(page: Page) -> None:
    assert broken(page) == []
