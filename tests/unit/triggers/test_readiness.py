"""Probes check a service's needs; a region's health excludes the things that all regions share."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import get_args

from shared import resources
from shared.runtime.operation import Need
from shared.settings import load
from shared.triggers import readiness


def test_every_need_has_a_check() -> None:
    """Without one, a service that cannot work calls itself ready."""
    assert set(readiness.CHECKS) == set(get_args(Need))


def test_only_probes_are_answered() -> None:
    assert readiness.probe("/api/v1/orders", {"spanner"}) is None
    assert readiness.probe("/live", {"spanner"}) is not None


def test_a_region_without_a_store_of_its_own_can_serve() -> None:
    """A service that needs no store is not checked for one."""
    answer = readiness.probe("/serving", {"chain", "pubsub"})
    assert answer is not None and answer.status == 200


def test_a_region_says_which_it_is() -> None:
    chosen = replace(load({}), region="europe-west1")
    with resources.override(fresh=True, settings=chosen):
        answer = readiness.probe("/serving", set())
    assert answer is not None and json.loads(answer.body)["region"] == "europe-west1"
    with resources.override(fresh=True, settings=load({})):
        local = readiness.probe("/serving", set())
    assert local is not None and "region" not in json.loads(local.body)
