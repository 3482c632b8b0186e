"""The faucet exists only in a local run."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from emulators.sandbox import faucet
from emulators.toolkit import ROOT
from schemas.contract import generated
from shared import resources
from shared.domain.errors import NotFound
from shared.domain.permissions import Caller
from shared.runtime import operation
from shared.settings import load
from tests.unit.docs.pages import tracked


def test_no_catalog_route_or_description_has_it() -> None:
    assert "ask_faucet" not in operation.catalog()
    for name in ("catalog.json", "openapi.json", "routes.json"):
        assert "faucet" not in (generated.FOLDER / name).read_text()


def test_no_deployed_file_contains_the_sandbox() -> None:
    """The image takes these folders; tests/emulated/delivery/test_image.py builds one and checks it."""
    dockerfile = (ROOT / "infra" / "Dockerfile").read_text()
    copied = set(re.findall(r"\b(functions|shared|schemas|emulators|tests)\b", dockerfile))
    assert {"functions", "shared", "schemas"} <= copied and "emulators" not in copied
    deployed = [name for name in tracked() if name.split("/")[0] in ("functions", "shared", "schemas")]
    texts = (ROOT / name for name in deployed if name.endswith(".py"))
    assert [path.name for path in texts if "faucet" in path.read_text(encoding="utf-8")] == []


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_it_refuses_to_work_elsewhere(environment: str) -> None:
    request = faucet.AskFaucet(address="0x" + "11" * 20, currency="ETH")
    with resources.override(settings=replace(load({}), environment=environment)), pytest.raises(NotFound):
        faucet.ask_faucet(request, Caller.of_user("usr_1", ["user"], "basic"))
