"""Contract wallets that sign in: whose contract it is, anybody chooses."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from shared import resources
from shared.auth import contract_signatures
from shared.identity.errors import IdentityBusy
from shared.keys.addresses import ZERO_ADDRESS
from shared.runtime.context import Context, RequestInfo, current, deadline_in, running
from shared.settings import load

DIGEST = bytes(32)
VALID = bytes.fromhex("1626ba7e").ljust(32, b"\0")


class Chain:
    """A node that computes for each call until it may answer it."""

    def __init__(self) -> None:
        self.computing, self.answers = threading.Semaphore(0), threading.Semaphore(0)
        self.computed: list[str] = []  # for which networks

    def code_and_call(self, request: Any, seconds: float) -> tuple[bytes, bytes]:
        self.computed.append(current().request.network)
        self.computing.release()
        assert self.answers.acquire(timeout=20)
        return b"\x01", VALID

    def one_after_another(self) -> None:
        """Answer one call, a while after it began, and wait until the next one has begun."""
        time.sleep(0.02)
        self.answers.release()
        assert self.computing.acquire(timeout=20)


def check(network: str) -> bool:
    context = Context("verify_siwe", "req", deadline_in(30), request=RequestInfo(network=network))
    with running(context):
        valid = contract_signatures.checker(31337)
        assert valid is not None
        return valid(ZERO_ADDRESS, DIGEST, b"")


@pytest.fixture
def chain(monkeypatch: pytest.MonkeyPatch) -> Chain:
    made = Chain()
    monkeypatch.setattr(resources, "chain", lambda name: made)
    return made


def test_contracts_that_compute_for_long_hold_few_threads(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same service signs people in by password: eight such calls would leave it no thread."""
    monkeypatch.setattr(contract_signatures, "SECONDS", 0.05)
    with resources.override(fresh=True, settings=load({})), ThreadPoolExecutor(2) as threads:
        slow = [threads.submit(check, "192.0.2.1") for _ in range(2)]
        assert all(chain.computing.acquire(timeout=20) for _ in slow)
        with pytest.raises(IdentityBusy):
            check("192.0.2.1")
        chain.answers.release(3)
        assert [one.result(20) for one in slow] == [True, True]
        assert check("192.0.2.1")


def test_six_networks_do_not_keep_another_one_out(chain: Chain) -> None:
    """Each sent its next contracts while the last ones were computing, so that a person's turn never came."""
    over = threading.Event()

    def attack(network: str) -> None:
        while not over.is_set():
            with suppress(IdentityBusy):
                check(network)
            over.wait(0.005)

    networks = [f"192.0.2.{number}" for number in range(6)]
    with resources.override(fresh=True, settings=load({})), ThreadPoolExecutor(13) as threads:
        for network in networks * 2:
            threads.submit(attack, network)
        for _ in range(len(networks) * 2):  # each has had a turn
            chain.one_after_another()
        at_home = threads.submit(check, "203.0.113.7")
        while "203.0.113.7" not in chain.computed[-3:] and not at_home.done():
            chain.one_after_another()
        since = chain.computed.index("203.0.113.7") if "203.0.113.7" in chain.computed else None
        over.set()
        chain.answers.release(100)
        assert since is not None, "the person was refused"
        assert at_home.result(20) and since <= len(networks) * 2 + 3, "the person waited for the attackers"
