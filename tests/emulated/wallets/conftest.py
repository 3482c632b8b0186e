"""The product with cheap password hashing, and people who sign in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared import resources
from shared.identity.passwords import Passwords
from tests.support.inprocess import App
from tests.support.people import People


@pytest.fixture
def people(app: App) -> Iterator[People]:
    with resources.override(passwords=Passwords(passes=1, memory_kib=64)):
        yield People(app)
