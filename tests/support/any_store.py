"""List the tests that show the same on every store: `make test` runs them on the requested store, `.ci/run` only on the
embedded one.

tests/emulated/contract shows that the stores behave alike, and always runs on both. So do all tests about transactions,
races, killed processes, deliveries and the cache, or about limits of stored data (bad input, fuzzing).
tests/emulated/rpc/test_both_doors.py calls every operation on both. Each entry here tests something else, and says
what.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from emulators.toolkit import ROOT

LISTED = {
    "tests/e2e/test_bare.py": "a machine without emulators",
    "tests/e2e/test_client_faults.py": "clients before servers that are made up",
    "tests/e2e/test_clients.py": "clients before an API that is the same",
    "tests/e2e/test_console.py": "the browser",
    "tests/e2e/test_console_troubles.py": "the browser",
    "tests/e2e/test_documents.py": "what the documents say",
    "tests/emulated/chain": "the node",
    "tests/emulated/contracts/test_calls.py": "the node",
    "tests/emulated/contracts/test_chains.py": "settings",
    "tests/emulated/contracts/test_collectibles.py": "the node",
    "tests/emulated/contracts/test_hostile.py": "the node, and contracts on it",
    "tests/emulated/contracts/test_names.py": "the node",
    "tests/emulated/contracts/test_tokens.py": "the node",
    "tests/emulated/engine/test_chains.py": "the node",
    "tests/emulated/engine/test_developer.py": "commands to the node",
    "tests/emulated/engine/test_layer_one.py": "fees of the node",
    "tests/emulated/engine/test_policy_attacks.py": "what is refused before a commit",
    "tests/emulated/engine/test_policy_on_chain.py": "the node",
    "tests/emulated/functions/test_cors_browser.py": "the browser",
    "tests/emulated/functions/test_site.py": "pages, without a store",
    "tests/emulated/functions/test_site_browser.py": "the browser",
    "tests/emulated/identity/test_attacker.py": "what is refused before a commit",
    "tests/emulated/identity/test_console_session.py": "cookies",
    "tests/emulated/identity/test_every_object.py": "what is refused before a commit",
    "tests/emulated/identity/test_every_route.py": "what is refused before a commit",
    "tests/emulated/identity/test_roles.py": "what is refused before a commit",
    "tests/emulated/kms": "the key service",
    "tests/emulated/rpc/test_document.py": "what the documents say",
    "tests/emulated/rpc/test_server.py": "the door",
    "tests/emulated/test_kept.py": "the node's file",
    "tests/emulated/wallets/test_security.py": "keys, of which nothing is kept",
    "tests/emulated/webhooks/test_receivers.py": "receivers",
}  # file or folder → what it tests


# Parameters of tests that run on several stores: these parameters are no emulators.
STAND_INS = {"embedded", "queue", "documents", "model", "model with aborts"}


def listed(path: Path) -> bool:
    """Tell whether this test file, or a folder above it, is listed."""
    name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    return any(str(one) in LISTED for one in (name, *name.parents))


def stands_in(parameters: Iterable[object]) -> bool:
    """Tell whether a test with these parameters tests a replacement for an emulator."""
    return any(isinstance(one, str) and one in STAND_INS for one in parameters)
