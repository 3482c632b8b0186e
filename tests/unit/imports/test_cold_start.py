"""The modules that a function's process imports before its first request, measured in separate processes.

The test counts modules, because a busy machine does not change their number.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from emulators.toolkit import ROOT
from shared.runtime import operation

# Loaded at first use, never at start: together they take more than a second of processor time.
LAZY = {
    *("google.cloud.spanner", "google.cloud.spanner_v1", "google.cloud.pubsub_v1", "google.cloud.firestore"),
    *("google.cloud.kms", "grpc", "web3", "eth_account", "flask", "requests"),
}
CRYPTOGRAPHY = {"coincurve", "argon2", "cryptography"}
KEYS_IN = {
    "auth",
    "security",
    "maintenance",
    "transactions",
    "wallets",
}  # the groups that may import them at start
MODULES = 250  # at most, without those of Python itself, whose number changes with its version
pytestmark = pytest.mark.timeout(300)


@cache
def loaded() -> dict[str, Any]:
    """Operation → the modules of its process after `functions.main` has made its target: kind and name of the target,
    the number of modules that are not Python's own, which of the watched ones there are, and those of functions/."""
    watched = json.dumps(sorted(LAZY | CRYPTOGRAPHY))
    names = json.dumps(sorted(name.rsplit(".", 1)[-1] for name in operation.modules()))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(Path(__file__).with_name("load_each.py")), names, watched],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=280,
        check=True,
    )
    return {name: found for name, *found in map(json.loads, done.stdout.splitlines())}


def test_every_operation_loads_as_a_function_that_the_framework_takes() -> None:
    assert set(loaded()) == set(operation.catalog())
    wrong = {name: found for name, found in loaded().items() if not found or found[:2] != ["function", name]}
    assert wrong == {}


def test_an_operation_imports_no_other() -> None:
    for name, (_, _, _, _, modules) in loaded().items():
        ours = {module for module in modules if module != "functions.main" and module.count(".") == 2}
        assert ours == {operation.load(name).module}


def test_no_operation_starts_with_a_client_library() -> None:
    assert {name: found[3] for name, found in loaded().items() if LAZY & set(found[3])} == {}


def test_only_what_is_about_wallets_and_persons_starts_with_libraries_of_keys() -> None:
    others = {
        name: found[3]
        for name, found in loaded().items()
        if operation.load(name).group not in KEYS_IN and "issuer" not in operation.load(name).needs
    }
    assert {name: found for name, found in others.items() if CRYPTOGRAPHY & set(found)} == {}


def test_the_budget_of_modules_is_kept() -> None:
    assert {name: found[2] for name, found in loaded().items() if found[2] > MODULES} == {}


def test_an_unknown_target_is_named() -> None:
    import functions.main

    with pytest.raises(AttributeError, match="there is no operation nobody_knows"):
        functions.main.nobody_knows  # noqa: B018
