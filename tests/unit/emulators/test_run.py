"""The operator of `make run`: the same in every run, a new one after `make run FRESH=1`."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulators.run import operator


@pytest.fixture(autouse=True)
def _nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPERATOR_EMAIL", "OPERATOR_PASSWORD"):
        monkeypatch.delenv(name, raising=False)


def test_the_password_stays_until_a_fresh_run(tmp_path: Path) -> None:
    first = operator(tmp_path, fresh=False)
    assert first[0] == "operator@example.com" and operator(tmp_path, fresh=False) == first
    second = operator(tmp_path, fresh=True)
    assert second != first and operator(tmp_path, fresh=False) == second
    assert (tmp_path / "operator-password").stat().st_mode & 0o077 == 0


def test_one_that_is_given_is_taken_and_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPERATOR_PASSWORD", "given by hand")
    assert operator(tmp_path, fresh=True) == ("operator@example.com", "given by hand")
    assert not list(tmp_path.iterdir())
