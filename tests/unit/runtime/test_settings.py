"""Embedded services are for local runs only."""

from __future__ import annotations

import pytest

from shared.settings import load

DEPLOYED = {"GOOGLE_CLOUD_PROJECT": "p", "FINGERPRINT_KEY": "k"}


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
@pytest.mark.parametrize("embedded", ["spanner", "pubsub", "firestore", "spanner,pubsub,firestore"])
def test_no_deployment_runs_on_what_is_embedded(environment: str, embedded: str) -> None:
    assert load(DEPLOYED | {"ENVIRONMENT": environment, "EMBEDDED": ""}).embedded == frozenset()
    with pytest.raises(ValueError, match="EMBEDDED is for local runs"):
        load(DEPLOYED | {"ENVIRONMENT": environment, "EMBEDDED": embedded})


def test_only_what_can_be_embedded_is() -> None:
    assert load({"EMBEDDED": "spanner,firestore"}).embedded == {"spanner", "firestore"}
    with pytest.raises(ValueError, match="names kms"):
        load({"EMBEDDED": "spanner,kms"})
