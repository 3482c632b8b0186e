"""The product as a separate process, on the run's services."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from emulators.toolkit import ROOT
from shared import resources
from tests.support.packed_clients import TYPESCRIPT, Environment, NodeProject, installed, readme


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
def clients(tmp_path_factory: pytest.TempPathFactory) -> tuple[Environment, NodeProject]:
    """The client libraries, packed and installed. Tests may write into the project."""
    kept = installed(programs())
    project = tmp_path_factory.mktemp("node") / "project"
    shutil.copytree(kept / "node", project, symlinks=True)
    return Environment(kept / "python"), NodeProject(project)


def programs() -> dict[str, str]:
    """The TypeScript programs of the tests."""
    here, examples = Path(__file__).parent / "clients", ROOT / "examples" / "clients"
    files = [here / "calls.ts", here / "job.ts", *examples.glob("*.ts")]
    texts = {path.stem: path.read_text(encoding="utf-8") for path in files}
    return texts | {"readme": readme(TYPESCRIPT / "README.md", "ts")}
