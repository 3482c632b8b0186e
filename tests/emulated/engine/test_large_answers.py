"""Contracts whose answers would fill the memory of an instance: anybody can name them, in many requests at once."""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from typing import Any

import pytest

from shared import resources
from shared.contracts.read_slots import ContractReads
from shared.domain.wallets.wallets import Wallet
from tests.emulated.engine.world import World
from tests.support.inprocess import Answer

SIZE = 3 * 1024 * 1024
ANSWERS, REVERTS = (f"0x62{SIZE:06x}6000{halt}" for halt in ("f3", "fd"))
WIDEST = 20_000  # characters of an answer of ours


@pytest.fixture
def contract(world: World, request: pytest.FixtureRequest) -> str:
    address = "0x" + secrets.token_hex(20)
    world.control("anvil_setCode", address, request.param)
    return address


def asked(world: World, method: str, path: str, body: Any = None, *, user: str) -> Answer:
    answer = world.app.call(method, path, body, user=user)
    assert answer.status == 422 and len(answer.text) < WIDEST, (answer.status, len(answer.text))
    (endpoint,) = resources.chain("local").pool.endpoints
    assert endpoint.healthy, "others would have to do without the node"
    return answer


@pytest.mark.parametrize("contract", [ANSWERS, REVERTS], indirect=True, ids=["answers", "reverts"])
def test_a_simulation_is_read_to_a_limit(world: World, contract: str) -> None:
    wallet = world.wallet()
    body = {"wallet_id": wallet.id, "to": contract, "data": "0x01020304"}
    for _ in range(4):
        answer = asked(world, "POST", "/transactions/simulate", body, user=wallet.user_id)
        assert answer.code == "ANSWER_TOO_LARGE"


@pytest.mark.parametrize("contract", [REVERTS], indirect=True, ids=["reverts"])
def test_a_send_that_fails_at_length_is_refused(world: World, contract: str) -> None:
    wallet = world.wallet()
    body = {"wallet_id": wallet.id, "to": contract, "data": "0x01020304"}
    for path in ("/transactions/estimate-gas", "/transactions"):
        assert asked(world, "POST", path, body, user=wallet.user_id).code == "SIMULATION_FAILED"


@pytest.mark.parametrize("contract", [ANSWERS, REVERTS], indirect=True, ids=["answers", "reverts"])
def test_what_answers_at_length_is_no_token(world: World, contract: str) -> None:
    wallet = world.wallet()
    asked(world, "GET", f"/wallets/{wallet.id}/balance?token_address={contract}", user=wallet.user_id)


def test_one_account_leaves_slots_for_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve calls of contracts that compute for long, by one account, and everybody else waited for them."""
    monkeypatch.setattr(ContractReads, "SECONDS", 0.05)
    greedy, modest = world.wallet(), world.wallet()

    def estimate(wallet: Wallet) -> Answer:
        body = {"wallet_id": wallet.id, "to": modest.address}
        return world.app.call("POST", "/transactions/estimate-gas", body, user=wallet.user_id)

    with resources.override(ContractReads=ContractReads()), ExitStack() as calls:
        slots = resources.memory(ContractReads)
        for _ in range(ContractReads.OF_ONE):
            calls.enter_context(slots.held(greedy.user_id))
        refused = estimate(greedy)
        assert (refused.status, refused.code, refused.headers["Retry-After"]) == (503, "UNAVAILABLE", "1")
        assert estimate(modest).status == 200
        calls.close()
        assert estimate(greedy).status == 200
