"""Follow docs/adding_an_operation.md as steps: write its files into a copy of the product."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from importlib.util import cache_from_source
from pathlib import Path

from tests.unit.docs.pages import ROOT, Page, tracked

# A running copy needs these; the rest of the repository is needed only to run the checks in the copy.
PARTS = (
    *("functions", "schemas", "shared", "emulators", "tests", "docs", "examples"),
    *("pyproject.toml", "package.json", "package-lock.json"),
)


def copy_product(folder: Path, wanted: Callable[[str], bool] = lambda top: top in PARTS) -> None:
    """Copy the repository's files whose first path part is in `wanted`, with what Python has compiled of them."""
    for name in tracked():
        if wanted(name.split("/")[0]) and (ROOT / name).is_file():
            _copy(ROOT / name, folder / name)
            compiled = Path(cache_from_source(name)) if name.endswith(".py") else None
            if compiled is not None and (ROOT / compiled).exists():
                _copy(ROOT / compiled, folder / compiled)


def _copy(source: Path, target: Path) -> None:
    """Copy a file with its time, by which Python knows what it has compiled."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


def add_example(page: Page, folder: Path) -> None:
    """Follow the page: append the models to the file that it names, and write the other two as separate files."""
    models, operation, test = (fence.text for fence in page.fences() if fence.info == ("python",))
    (module, made, tested) = (folder / name for name in named(page))
    imported, count = re.subn(
        r"^from schemas.base import (\(\n +)?", r"\g<0>Limit, ", module.read_text(), flags=re.MULTILINE
    )
    assert count == 1, f"{module} imports nothing from schemas.base"
    module.write_text(f"{imported}\n\n{models}")
    made.write_text(operation)
    tested.write_text(test)


def named(page: Page) -> list[str]:
    """The files named by steps with code, in order."""
    found = re.findall(r"^\d\. \*\*.*?`([\w/]+\.py)`", page.text, flags=re.MULTILINE | re.DOTALL)
    assert len(found) >= 3, found
    return found[:3]
