"""Probes: what a service needs is asked, and a region's health is not what every region shares."""

from __future__ import annotations

from typing import get_args

from shared.runtime.operation import Need
from shared.triggers import readiness


def test_every_need_has_a_check() -> None:
    """Without one, a service that cannot work calls itself ready."""
    assert set(readiness.CHECKS) == set(get_args(Need))


def test_only_probes_are_answered() -> None:
    assert readiness.probe("/api/v1/orders", {"spanner"}) is None
    assert readiness.probe("/live", {"spanner"}) is not None


def test_a_region_without_a_store_of_its_own_can_serve() -> None:
    """Nothing is asked of a service that needs no store."""
    answer = readiness.probe("/serving", {"chain", "pubsub"})
    assert answer is not None and answer.status == 200
