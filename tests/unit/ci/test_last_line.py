"""The last line of `make test` gives a reason for each test that was skipped."""

from __future__ import annotations

import pytest

from tests.support import left_out


def report(reason: str) -> pytest.TestReport:
    """The report of a test that was skipped for this reason."""
    where = ("tests/e2e/test_x.py", 1, f"Skipped: {reason}")
    return pytest.TestReport("tests/e2e/test_x.py::test_x", ("", 1, ""), {}, "skipped", where, "setup")


def test_each_reason_is_named_with_its_number() -> None:
    said = left_out.skipped(
        "embedded", [report("no zsh"), report("make prove\nPART=observe"), report("no zsh")]
    )
    assert said == "skipped on the embedded store: 3 (1 × make prove PART=observe, 2 × no zsh)"
    assert left_out.skipped("embedded", []) == ""


def test_the_files_that_need_the_emulators_are_named_once() -> None:
    said = left_out.without_emulators(["tests/b.py::one", "tests/a.py::two", "tests/b.py::three"])
    assert said.startswith("not run: 3 tests ") and said.endswith(", of tests/a.py, tests/b.py")
