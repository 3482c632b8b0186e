"""Compare wrong passphrases and passwords with right ones: the duration of the answer must reveal nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from shared import resources
from shared.identity.passwords import Passwords
from shared.keys import keystore
from shared.keys.errors import WrongPassphrase
from tests.support.bench import Bench

MOST = 1.1  # in both directions: how much two times of the same work differ on a busy machine
ROUNDS = 60
RIGHT, WRONG = "the right passphrase", "another passphrase"


def run(bench: Bench) -> None:
    file = keystore.encrypt(bytes(31) + b"\x07", RIGHT, 2**14)
    compare(bench, "keystore, wrong passphrase", partial(opened, file, WRONG), partial(opened, file, RIGHT))
    passwords = resources.passwords()
    assert isinstance(passwords, Passwords)
    stored = passwords.hash(RIGHT)
    right = partial(passwords.verify, RIGHT, stored)
    compare(bench, "sign-in, wrong password", partial(passwords.verify, WRONG, stored), right)
    compare(bench, "sign-in, unknown account", partial(passwords.verify, WRONG, None), right)


def opened(file: dict[str, Any], passphrase: str) -> None:
    with suppress(WrongPassphrase):
        keystore.decrypt(file, passphrase)


def compare(bench: Bench, what: str, wrong: Callable[[], Any], right: Callable[[], Any]) -> None:
    ratio = bench.ratio(what, lambda _: wrong, lambda _: right, than="right", rounds=ROUNDS, most=MOST)
    bench.limit(f"{what}: right beside it", 1 / ratio, MOST)
