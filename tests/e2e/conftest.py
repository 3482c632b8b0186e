"""The product as a process of its own, on the run's services."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping

import pytest

from shared import resources


@pytest.fixture(scope="module")
def own_world(
    emulators: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """A database and a project (Pub/Sub, Firestore) of this module alone, in os.environ and for what it opens here."""
    before = dict(os.environ)
    name = uuid.uuid4().hex[:16]
    own = {
        "GOOGLE_CLOUD_PROJECT": f"e2e-{name}",
        "SPANNER_DATABASE": f"e2e{name}",
        "EMBEDDED_FILE": str(tmp_path_factory.mktemp("world") / "store.sqlite"),
    }
    os.environ.update(own)
    with resources.override(fresh=True):  # what this process has opened is another world's
        yield own
    os.environ.clear()
    os.environ.update(before)
