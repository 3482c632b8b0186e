"""Follow docs/deployment.md from an empty project: its order creates everything, and each step is necessary."""

from __future__ import annotations

import pytest

from tests.unit.infra.project import REGISTRY, Project, RefusedError, script


def test_the_document_s_order_makes_everything() -> None:
    project = Project()
    for line in script():
        project.run(line)
    assert "everything" in project.made


@pytest.mark.parametrize(
    ("left_out", "refused"),
    [
        ("projects create $RECOVERY", "project of other people"),
        ("identity create", "gcp-sa-pubsub"),
        ("docker push", "the image of the services"),
        ("secrets versions add fingerprint-key", "fingerprint-key"),
        ("-target=google_secret_manager_secret", "no such secret"),
        ("-target=google_artifact_registry", "no registry"),
        ("buckets create", "no bucket"),
        ("-target=google_spanner_database", "there is no database"),
        ("schemas.database.migrate", "without tables"),
    ],
)
def test_none_of_its_steps_can_be_left_out(left_out: str, refused: str) -> None:
    lines = [line for line in script() if left_out not in line]
    assert len(lines) < len(script())
    project = Project()
    with pytest.raises(RefusedError, match=refused):
        for line in lines:
            project.run(line)


def test_a_tag_cannot_be_pushed_twice_so_each_build_has_its_own() -> None:
    project = Project(made={REGISTRY})
    project.run("docker push r/wallet:1a2b3c4-build-1")
    project.run("docker push r/wallet:1a2b3c4-build-2")
    with pytest.raises(RefusedError, match="immutable"):
        project.run("docker push r/wallet:1a2b3c4-build-1")
