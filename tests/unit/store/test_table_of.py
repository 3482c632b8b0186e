"""The table of a row is found although its module was never imported, as by an operation that only writes new rows."""

from __future__ import annotations

import subprocess
import sys

import pytest

from shared.store.table import table_of


def test_the_table_of_a_row_is_found_in_a_process_that_has_imported_none() -> None:
    code = (
        "import sys; from shared.domain.users import User; from shared.store.table import table_of;"
        "assert 'shared.store.tables.users' not in sys.modules; print(table_of(User.__new__(User)).name)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "users\n"


def test_what_is_no_row_has_no_table() -> None:
    with pytest.raises(KeyError):
        table_of(object())
