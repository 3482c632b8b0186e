"""Probes check a service's needs; a region's health excludes the things that all regions share."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import get_args

import pytest

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


def test_many_callers_of_a_need_that_hangs_do_not_make_the_region_look_broken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Anybody may call the probes. If each call checked for itself, the checks would hold all threads."""
    over, checks = threading.Event(), []

    def hangs() -> None:
        checks.append(1)
        over.wait(20)

    monkeypatch.setattr(readiness, "CHECK_SECONDS", 0.5)
    monkeypatch.setitem(readiness.CHECKS, "chain", hangs)
    monkeypatch.setitem(readiness.CHECKS, "spanner", lambda: None)
    needs = {"chain", "spanner"}
    with resources.override(fresh=True, settings=load({})), ThreadPoolExecutor(24) as callers:
        answers = list(callers.map(lambda _: readiness.probe("/ready", needs), range(24)))
        assert [answer.status for answer in answers if answer] == [503] * 24
        assert answers[0] and json.loads(answers[0].body)["dependencies"] == {
            "chain": "TimeoutError",
            "spanner": "ok",
        }
        region = readiness.probe("/serving", needs)
        assert region is not None and region.status == 200
        assert len(checks) == 1
        over.set()


def test_a_need_that_answers_again_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "FRESH_SECONDS", 0.0)
    with resources.override(fresh=True, settings=load({})):
        for check, status in ((lambda: 1 / 0, 503), (lambda: None, 200)):
            monkeypatch.setitem(readiness.CHECKS, "chain", check)
            answer = readiness.probe("/ready", {"chain"})
            assert answer is not None and answer.status == status
