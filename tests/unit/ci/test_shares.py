"""The shares of a long run: every file in one of them, the slow ones apart and first."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from emulators.toolkit import ROOT
from tests.support import shares

SLOW = {"tests/a.py": 60.0, "tests/b.py": 50.0, "tests/c.py": 40.0, "tests/d.py": 30.0}
QUICK = [f"tests/quick{number}.py" for number in range(20)]


def test_every_file_is_in_one_share_whatever_was_noted() -> None:
    names = shares.files([ROOT / "tests"])
    assert len(names) > 200 and names == sorted(set(names))
    for weights in ({}, shares.seconds("embedded"), shares.seconds("emulator")):
        parts = [shares.share_of(names, weights, number, 6) for number in range(1, 7)]
        assert sorted(name for part in parts for name in part) == names


def test_the_slow_ones_are_apart() -> None:
    first, second = (shares.share_of([*QUICK, *SLOW], SLOW, number, 2) for number in (1, 2))
    assert (first & SLOW.keys(), second & SLOW.keys()) == (
        {"tests/a.py", "tests/d.py"},
        {"tests/b.py", "tests/c.py"},
    )
    assert abs(len(first) - len(second)) <= 1


def test_the_slow_ones_go_first() -> None:
    assert shares.slow_first([*QUICK, "tests/c.py", "tests/a.py"], SLOW)[:2] == ["tests/a.py", "tests/c.py"]


def test_a_folder_and_a_file_are_named_as_in_the_repository() -> None:
    here = Path(__file__)
    assert shares.files([here, here.parent]) == sorted(
        f"tests/unit/ci/{path.name}" for path in here.parent.glob("test_*.py")
    )


def test_what_is_measured_is_noted_beside_the_rest(tmp_path: Path) -> None:
    noted, mine = tmp_path / "seconds.json", "tests/unit/ci/test_shares.py"
    reports = [SimpleNamespace(nodeid=f"{mine}::{name}", duration=2.5) for name in "ab"]
    shares.keep("embedded", shares.taken([*reports, SimpleNamespace(nodeid="a warning")]), noted)
    assert shares.seconds("embedded", noted) == {mine: 5.0}
    shares.keep("emulator", {mine: 9.0, "tests/gone.py": 50.0}, noted)
    shares.keep("embedded", {"tests/conftest.py": 3.0}, noted)
    assert shares.seconds("emulator", noted) == {mine: 9.0}
    assert shares.seconds("embedded", noted) == {mine: 5.0, "tests/conftest.py": 3.0}
    shares.keep("embedded", {mine: 0.5}, noted)
    assert mine not in shares.seconds("embedded", noted)


def test_without_notes_nothing_is_slow(tmp_path: Path) -> None:
    assert shares.seconds("embedded", tmp_path / "none.json") == {}
    assert shares.share_of([], {}, 1, 6) == set()
