"""Each key has one effect and one answer, under concurrent twins and lost commit answers.

KEYS and MODEL_KEYS make it long; SEED repeats a run.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from shared import resources
from shared.errors import IdempotencyKeyReused
from shared.store.port import Database
from tests.emulated.core.bodies import Forgetful, count, insist, once

SIZES = {"emulator": int(os.environ.get("KEYS", "60")), "model": int(os.environ.get("MODEL_KEYS", "2000"))}
SEED = int(os.environ.get("SEED", "7"))
TRIES = 3


def test_each_key_has_one_effect_and_one_answer(either: tuple[str, Database]) -> None:
    name, store = either
    rng = Random(SEED)
    keys = [f"key-{number}" for number in range(SIZES[name])]
    requests = [key for key in keys for _ in range(TRIES)]
    for _ in range(len(keys)):  # most repeats follow at once: twins; the rest come any time later
        if rng.random() < 0.8:
            first, second = rng.randrange(len(requests)), rng.randrange(len(requests))
            requests[first], requests[second] = requests[second], requests[first]
    lossy = Forgetful(store, lambda: rng.choice(["before", "after"]) if rng.random() < 0.05 else None)
    began = time.monotonic()
    with resources.override(database=lossy), ThreadPoolExecutor(8) as pool:
        answers = Counter(pool.map(lambda key: (key, insist(key)), requests))
    seconds = time.monotonic() - began
    assert answers == {(key, f'{{"text":"{key}"}}'): TRIES for key in keys}
    assert count(store) == len(keys)
    with pytest.raises(IdempotencyKeyReused):
        once("other", keys[0], "another fingerprint")
    print(f"idempotency ({name}, seed {SEED}): {len(keys)} keys × {TRIES}, one effect each, {seconds:.1f} s")
