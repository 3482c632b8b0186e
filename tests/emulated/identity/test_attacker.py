"""The continuous attacker finds nothing, and detects each check that is removed.

`make prove PART=attacks` runs STEPS steps, and with MUTATIONS=all removes every check."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from shared.auth import authentication
from shared.domain.permissions import Caller
from shared.domain.wallets import policies
from shared.identity import step_up
from shared.wallets import signing
from shared.writes.session_check import SessionCheck
from tests.emulated.desk.world import Desk
from tests.emulated.identity.attacker import Attacker, Breach
from tests.emulated.identity.test_every_object import desk, theirs
from tests.support.people import People, Person

__all__ = ["desk", "theirs"]
STEPS, SEED = int(os.environ.get("STEPS", "150")), int(os.environ.get("SEED", "7"))
MAX_STEPS = 3000  # steps until a missing check is found
pytestmark = pytest.mark.timeout(1500)


def nothing(*_: Any, **__: Any) -> None:
    """Replaces a check and does nothing."""


def yes(*_: Any) -> bool:
    return True


# The removed check, its place, and its replacement.
MUTATIONS: dict[str, tuple[object, str, Callable[..., Any]]] = {
    "rows of others are shown": (Caller, "sees", yes),
    "rows of others are changed": (Caller, "acts_for", yes),
    "every permission is held": (Caller, "may", yes),
    "a key may all that its owner may": (authentication, "narrowed", lambda granted, _: granted),
    "a program does what is a person's": (step_up, "require_person", nothing),
    "no step-up": (step_up, "require", nothing),
    "ended sign-ins go on": (SessionCheck, "check", nothing),
    "contracts and selectors are not compared": (policies, "_check_calls", nothing),
    "amounts and recipients are not compared": (policies, "_check_amounts", nothing),
    "no rule of a transaction": (policies, "check", nothing),
    "typed data is not decoded": (policies, "decide_typed_data", lambda *_: {}),
    "hashes are signed": (policies, "check_message", nothing),
    "sign-in texts are signed": (signing, "check_sign_in_text", nothing),
}
SHORT = ("rows of others are changed", "amounts and recipients are not compared")


@pytest.fixture
def attacker(desk: Desk, people: People, theirs: dict[str, str]) -> Attacker:
    victim = Person(desk.app, theirs["id"], "person-1@example.com", "", "")
    people.sign_in(victim)
    victim.call("POST", "/auth/logout")
    return Attacker(desk, theirs, victim.token, SEED)


def test_nobody_does_what_they_may_not(attacker: Attacker) -> None:
    attacker.run(STEPS)
    print(f"{attacker.done} steps of {len(attacker.principals)} principals, seed {attacker.seed}")


@pytest.mark.parametrize("taken", MUTATIONS if os.environ.get("MUTATIONS") == "all" else SHORT)
def test_a_check_that_is_taken_away_is_missed(
    attacker: Attacker, monkeypatch: pytest.MonkeyPatch, taken: str
) -> None:
    monkeypatch.setattr(*MUTATIONS[taken])
    with pytest.raises(Breach) as found:
        attacker.run(MAX_STEPS)
    print(f"{taken}: {found.value}")
