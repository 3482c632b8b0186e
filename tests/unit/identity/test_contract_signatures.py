"""Contract wallets that sign in: whose contract it is, anybody chooses."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared import resources
from shared.auth import contract_signatures
from shared.auth.contract_signatures import ContractChecks
from shared.identity.errors import IdentityBusy
from shared.settings import load

DIGEST = bytes(32)


class Chain:
    """A node that computes until it may answer."""

    def __init__(self) -> None:
        self.computing, self.answers = threading.Semaphore(0), threading.Event()

    def code(self, address: str) -> bytes:
        self.computing.release()
        assert self.answers.wait(20)
        return b"\x01"

    def call(self, request: Any) -> bytes:
        return bytes.fromhex("1626ba7e").ljust(32, b"\0")


def test_contracts_that_compute_for_long_hold_few_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same service signs people in by password: eight such calls would leave it no thread."""
    chain = Chain()
    monkeypatch.setattr(resources, "chain", lambda name: chain)
    monkeypatch.setattr(ContractChecks, "SECONDS", 0.05)
    with resources.override(fresh=True, settings=load({})), ThreadPoolExecutor(2) as threads:
        valid = contract_signatures.checker(31337)
        assert valid is not None
        slow = [threads.submit(valid, contract_signatures.NOBODY, DIGEST, b"") for _ in range(2)]
        assert all(chain.computing.acquire(timeout=20) for _ in slow)
        with pytest.raises(IdentityBusy):
            valid(contract_signatures.NOBODY, DIGEST, b"")
        chain.answers.set()
        assert [one.result(20) for one in slow] == [True, True]
        assert valid(contract_signatures.NOBODY, DIGEST, b"")
