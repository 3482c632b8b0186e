"""Each key has one effect and one answer, under concurrent twins, alone and in groups, and with lost commit answers.

KEYS and MODEL_KEYS make the test long; SEED repeats a run.
"""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from shared import resources
from shared.runtime.errors import IdempotencyKeyReused
from shared.store.port import Database
from tests.emulated.core.bodies import Forgetful, count, insist, once
from tests.support.proof import SEED, figure, size
from tests.support.stores import STORE

SIZES = {STORE: size("KEYS", 60), "model": size("MODEL_KEYS", 800)}
TRIES = 3
WORKERS = 8


def test_each_key_has_one_effect_and_one_answer(either: tuple[str, Database]) -> None:
    name, store = either
    rng = Random(SEED)
    keys = [f"key-{number}" for number in range(SIZES[name])]
    requests = [(key, rng.choice([None, "letters"])) for key in keys for _ in range(TRIES)]
    for _ in range(len(keys)):  # most repeats follow at once: twins; the rest come any time later
        if rng.random() < 0.8:
            first, second = rng.randrange(len(requests)), rng.randrange(len(requests))
            requests[first], requests[second] = requests[second], requests[first]
    lossy = Forgetful(store, lambda: rng.choice(["before", "after"]) if rng.random() < 0.05 else None)
    began = time.monotonic()
    waiting = iter(requests)  # shared: each worker takes the next
    with resources.override(database=lossy), ThreadPoolExecutor(WORKERS) as pool:
        work = [
            pool.submit(lambda: Counter((key, insist(key, group)) for key, group in waiting))
            for _ in range(WORKERS)
        ]
        answers = sum((one.result() for one in work), Counter[tuple[str, str]]())
    seconds = time.monotonic() - began
    assert answers == {(key, f'{{"text":"{key}"}}'): TRIES for key in keys}
    assert count(store) == len(keys)
    with pytest.raises(IdempotencyKeyReused):
        once("other", keys[0], "another fingerprint")
    figure(
        "idempotency", name, f"{len(keys)} keys × {TRIES}, one effect and one answer each, {seconds:.1f} s"
    )
