"""Files of whole products begin one by one between the others; none is lost, and the others keep their order."""

from __future__ import annotations

from pathlib import Path

from tests.support.order import spread

PRODUCTS = [(Path(f"tests/e2e/test_{number}.py"), f"e{number}") for number in range(4)]
OTHERS = [(Path(f"tests/unit/test_{number:02}.py"), f"u{number:02}") for number in range(24)]


def test_they_are_spread_and_end_early() -> None:
    made = spread([*PRODUCTS, *OTHERS])
    assert sorted(made) == sorted(name for _, name in [*PRODUCTS, *OTHERS])
    places = [made.index(name) for _, name in PRODUCTS]
    assert places == [0, 5, 10, 15]
    assert [name for name in made if name.startswith("u")] == [name for _, name in OTHERS]


def test_a_run_of_one_kind_keeps_its_order() -> None:
    assert spread(PRODUCTS) == ["e0", "e1", "e2", "e3"]
    assert spread(OTHERS) == [name for _, name in OTHERS]
    assert spread([*PRODUCTS, OTHERS[0]]) == ["e0", "u00", "e1", "e2", "e3"]
    assert spread([]) == []
