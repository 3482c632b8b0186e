"""Each part of `make prove` names existing tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulators.toolkit import ROOT
from tests.faults.__main__ import PARTS


@pytest.mark.parametrize("name", PARTS)
def test_a_part_names_files_of_tests(name: str) -> None:
    assert [path for path in PARTS[name].paths if not Path(ROOT, path).is_file()] == []
