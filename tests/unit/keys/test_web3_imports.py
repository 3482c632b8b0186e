"""web3 and eth-account are imported through one module, which keeps Python's recursion limit."""

from __future__ import annotations

import subprocess
import sys

import pytest

from emulators.toolkit import ROOT

_PROBE = """
import json, sys
limit = sys.getrecursionlimit()
{how}
assert sys.getrecursionlimit() == limit, sys.getrecursionlimit()
try:
    json.loads("[" * 90_000)
except RecursionError:
    print("refused")
"""


def probed(how: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", "-c", _PROBE.format(how=how)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)


@pytest.mark.parametrize("how", ["web3()", "eth_account()", 'web3("contract.contract")'])
def test_deep_json_is_refused_after_the_door_was_used(how: str) -> None:
    done = probed(f"from shared.keys import web3_imports\nweb3_imports.{how}")
    assert (done.returncode, done.stdout) == (0, "refused\n"), done.stderr


def test_without_the_door_the_limit_is_raised() -> None:
    """This test fails when py_ecc no longer raises the limit; then delete it together with the module."""
    done = probed("import eth_account")
    assert done.returncode != 0 and "100000" in done.stderr


def test_py_ecc_is_imported_only_for_a_validators_keystore() -> None:
    done = probed(
        """
from shared.keys import web3_imports
web3_imports.web3(), web3_imports.eth_account()
assert "py_ecc" not in sys.modules
import eth_keyfile.keyfile as keyfile
assert keyfile.bls.SkToPk(1).hex().startswith("97f1d3a73197d794")  # the generator of G1
from py_ecc import bls12_381, secp256k1
assert keyfile.MAX_V3_PRIVATE_KEY == secp256k1.N - 1
assert keyfile.MAX_V4_PRIVATE_KEY == bls12_381.curve_order - 1
"""
    )
    assert (done.returncode, done.stdout) == (0, "refused\n"), done.stderr


def test_no_thread_sees_a_higher_limit_meanwhile() -> None:
    watch = """
import threading
from shared.keys import web3_imports
seen, done = set(), threading.Event()
def look():
    while not done.wait(0.0005):
        seen.add(sys.getrecursionlimit())
thread = threading.Thread(target=look)
thread.start()
web3_imports.web3()
done.set()
thread.join()
assert seen == {limit}, seen
"""
    done = probed(watch)
    assert (done.returncode, done.stdout) == (0, "refused\n"), done.stderr
