"""The tests that `.ci/run` does not repeat on emulators exist, and do not test differences between stores."""

from __future__ import annotations

import re

import pytest

from emulators.toolkit import ROOT
from tests.support import any_store

# Races, killed processes, transactions, deliveries and the cache are tested on both.
BOTH = re.compile(
    r"contract/|core/|delivery/|desk/|sigkill|race|fault|volume|kill|restarts|fuzz|webhooks/test_deliver"
)
MADE_UP = "tests/e2e/test_client_faults.py"  # invented faults of servers


@pytest.mark.parametrize("name", any_store.LISTED)
def test_it_exists_and_is_not_about_the_store(name: str) -> None:
    assert (ROOT / name).exists()
    assert name == MADE_UP or not BOTH.search(name)


def test_a_folder_stands_for_its_files() -> None:
    assert any_store.listed(ROOT / "tests/emulated/kms/test_vault.py")
    assert any_store.listed(ROOT / "tests/emulated/functions/test_site.py")
    assert not any_store.listed(ROOT / "tests/emulated/functions/test_fuzz.py")
    assert not any_store.listed(ROOT / "tests/emulated/core/test_inbox.py")


def test_a_stand_in_is_told_by_its_name() -> None:
    assert any_store.stands_in(["key", "model"]) and any_store.stands_in(["documents"])
    assert not any_store.stands_in(["emulator", None, 1]) and not any_store.stands_in([])
