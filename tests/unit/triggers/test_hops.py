"""A request that did not come through the balancer as FORWARDED_HOPS says is counted."""

from __future__ import annotations

import pytest

from shared.triggers import throttle

BALANCER = ("203.0.113.7", "2001:db8::7")


@pytest.mark.parametrize(
    ("forwarded", "hops", "right"),
    [
        ("198.51.100.1, 203.0.113.7", 2, True),
        ("1.1.1.1, 198.51.100.1,203.0.113.7", 2, True),  # the first is the caller's own claim
        ("2001:db8:1::1, 2001:db8::7", 2, True),
        ("198.51.100.1, 203.0.113.7, 192.0.2.1", 2, False),  # one more proxy: 203.0.113.7 would be everybody
        ("198.51.100.1, 203.0.113.7, 192.0.2.1", 3, True),
        ("198.51.100.1", 2, False),  # with one fewer, the caller would choose
        ("198.51.100.1, 203.0.113.7", 1, False),
        ("", 2, False),
    ],
)
def test_the_balancer_s_address_is_next_to_the_caller_s(
    monkeypatch: pytest.MonkeyPatch, forwarded: str, hops: int, right: bool
) -> None:
    counted: list[int] = []
    monkeypatch.setattr(throttle.MISCOUNTED, "_bound", lambda amount, labels: counted.append(amount))
    throttle.check_hops({"x-forwarded-for": forwarded}, hops, BALANCER)
    assert counted == ([] if right else [1])
    throttle.check_hops({"x-forwarded-for": forwarded}, hops, ())  # local runs have no balancer
    assert len(counted) == (0 if right else 1)
