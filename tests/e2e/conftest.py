"""The product as a separate process, on the run's services."""

from __future__ import annotations

import fcntl
import os
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from shared import resources
from tests.support.packed import packed


@pytest.fixture(scope="module")
def own_world(
    emulators: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """A database and a project (Pub/Sub, Firestore) for this module only, in os.environ and for this process."""
    before = dict(os.environ)
    name = uuid.uuid4().hex[:16]
    own = {
        "GOOGLE_CLOUD_PROJECT": f"e2e-{name}",
        "SPANNER_DATABASE": f"e2e{name}",
        "EMBEDDED_FILE": str(tmp_path_factory.mktemp("world") / "store.sqlite"),
    }
    os.environ.update(own)
    with resources.override(fresh=True):  # this process's open clients belong to another world
        yield own
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The wheel and the npm package of the client libraries, packed by the first process of a run that needs them."""
    own = tmp_path_factory.getbasetemp()
    run = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    names = run / "packed.txt"
    with (run / "packed.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not names.exists():
            names.write_text("\n".join(map(str, packed(run / "packed"))))
    wheel, package = map(Path, names.read_text().splitlines())
    return wheel, package
