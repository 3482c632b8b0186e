"""The product in this process, with endpoints on this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared import resources
from tests.emulated.conftest import Recorder
from tests.emulated.webhooks.world import Hooks
from tests.support.clock import ShiftedClock
from tests.support.inprocess import App
from tests.support.receivers import Receiver, receiver


@pytest.fixture
def hooks(app: App, published: Recorder) -> Hooks:
    return Hooks(app, published)


@pytest.fixture
def clock(app: App) -> Iterator[ShiftedClock]:
    moved = ShiftedClock()
    with resources.override(clock=moved):
        yield moved


@pytest.fixture
def taking() -> Iterator[Receiver]:
    """A receiver that accepts everything."""
    with receiver() as made:
        yield made
