"""The previous release and this tree both do the demo's whole job on one database that this tree has migrated.

`python -m tests.faults releases`; it needs the repository's history. The previous release is the last commit with
exactly the migrations of the newest file in schemas/releases, or the commit of its tag.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from emulators.toolkit import ROOT
from schemas.database import migration_files, releases
from schemas.database.releases import Release

pytestmark = pytest.mark.timeout(600)


def git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(
            f"git {' '.join(arguments)}: {done.stderr.strip()} (is this a checkout with its history?)"
        )
    return done.stdout.strip()


def migrations_at(commit: str) -> dict[str, str]:
    names = git("ls-tree", "--name-only", f"{commit}:schemas/spanner").split()
    contents = {Path(name).stem: git("show", f"{commit}:schemas/spanner/{name}") + "\n" for name in names}
    return {
        name: releases.labelled(hashlib.sha256(text.encode()).hexdigest()) for name, text in contents.items()
    }


def commit_of(release: Release) -> str:
    """The tag's commit, otherwise the last commit before migrations were added after the release's."""
    if git("tag", "--list", f"v{release.version}"):
        return git("rev-parse", f"v{release.version}^{{commit}}")
    last = "HEAD"
    for change in git("log", "--format=%H", "--", "schemas/spanner").split():
        if migrations_at(change) == release.migrations:
            return git("rev-parse", last)
        last = f"{change}~1"
    pytest.fail(f"no commit in this history has the migrations of {release.version}")


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The previous release in its own worktree, with this tree's tools."""
    release = releases.newest()
    assert release is not None
    commit, folder = commit_of(release), tmp_path_factory.mktemp("before") / "tree"
    git("worktree", "add", "--detach", str(folder), commit)
    (folder / "node_modules").symlink_to(ROOT / "node_modules")
    print(f"\nthe release before: {git('log', '-1', '--format=%h %s', commit)}")
    yield folder
    git("worktree", "remove", "--force", str(folder))


@pytest.fixture(scope="module")
def env(real_emulators: Mapping[str, str]) -> dict[str, str]:
    name = uuid.uuid4().hex[:16]
    named = {"GOOGLE_CLOUD_PROJECT": f"rel-{name}", "SPANNER_DATABASE": f"rel{name}"}
    return {**real_emulators, **named, "EVENTS_TOGETHER": "off"}  # as docs/delivery.md says


def python(folder: Path, env: Mapping[str, str], *arguments: str) -> str:
    mine = {**env, "PYTHONPATH": str(folder)}
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command, cwd=folder, env=mine, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, (
        f"{folder.name}: {' '.join(arguments)}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    )
    return done.stdout


def migrated(folder: Path, env: Mapping[str, str]) -> list[str]:
    """Apply this tree's migrations with the tree's own command, which has another name before release 0.1; returns
    their names."""
    old = not (folder / "schemas" / "database").exists()
    return python(folder, env, "-m", "schemas.migrate" if old else "schemas.database.migrate").split()


def demo(folder: Path, env: Mapping[str, str]) -> None:
    summary = json.loads(python(folder, env, "-m", "emulators", "demo", "--claimers", "5").splitlines()[-1])
    assert (summary["demo"], summary["order_status"], summary["winners"]) == ("ok", "completed", 1)
    print(f"{folder.name}: {summary['order_status']} in {summary['seconds']} s")


def test_both_releases_do_the_whole_job_on_the_new_schema(before: Path, env: dict[str, str]) -> None:
    migrated(before, env)
    demo(before, env)
    release = releases.newest()
    assert release is not None
    applied = migrated(ROOT, env)
    new = [each.name for each in migration_files.migrations() if each.name not in release.migrations]
    assert applied == (new or ["nothing", "to", "migrate"])
    demo(before, env)  # the previous release, on the schema of this one
    demo(ROOT, env)
    demo(before, env)  # and on rows that this release has written
