"""ERC-721 and ERC-1155 as `token` of a transaction: they move, and a wallet's policy judges them as calls."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulated.contracts.conftest import Lab
from tests.emulated.contracts.index_world import Indexed

FRIEND, STRANGER = "0x" + "f1" * 20, "0x" + "f2" * 20


@pytest.fixture
def indexed(lab: Lab) -> Indexed:
    return Indexed(lab)


def send(indexed: Indexed, wallet: Any, token: Any, to: str = FRIEND) -> Any:
    body = {"wallet_id": wallet.id, "to": to, "token": token}
    return indexed.lab.world.app.call("POST", "/transactions", body, user=wallet.user_id)


def done(indexed: Indexed, answer: Any, token: Any, to: str = FRIEND) -> None:
    """Check that the transaction is confirmed, and that every view shows it as requested."""
    assert answer.status == 202, answer.text
    world = indexed.lab.world
    wanted = {"amount": "1"} | token, indexed.lab.web3.to_checksum_address(to)
    assert (answer.body["token"], answer.body["to"]) == wanted
    world.settle()
    app, user, known = world.app, answer.body["user_id"], answer.body["id"]
    one = app.ok(200, "GET", f"/transactions/{known}", user=user)
    listed = app.ok(200, "GET", "/transactions", user=user)["items"][0]
    told = [each["data"] for _, each in world.published.sent if each["subject"] == known]
    assert len(told) > 2
    assert [(each["token"], each["to"]) for each in (one, listed, *told)] == [wanted] * (2 + len(told))


def test_a_picture_moves_to_whom_the_policy_allows(indexed: Indexed) -> None:
    lab = indexed.lab
    wallet = lab.world.wallet(user="usr_contracts")
    picture = lab.take("Picture")
    indexed.send(picture, "transferFrom", lab.web3.to_checksum_address(lab.bank), wallet.address, 7)
    lab.world.mine(2)
    token = {"address": picture["address"], "type": "erc721", "token_id": "7"}
    policy = {"allowed_recipients": [FRIEND], "allowed_contracts": [picture["address"]]}
    lab.world.app.ok(200, "PUT", f"/wallets/{wallet.id}/policy", policy, user=wallet.user_id)
    assert send(indexed, wallet, token, STRANGER).code == "POLICY_DENIED"
    done(indexed, send(indexed, wallet, token), token)
    assert lab.call(picture, "ownerOf", "7").lower() == FRIEND
    assert send(indexed, wallet, token).code == "SIMULATION_FAILED"  # the wallet no longer owns it


def test_items_move_within_a_limit(indexed: Indexed) -> None:
    lab = indexed.lab
    wallet = lab.world.wallet(user="usr_contracts")
    items = lab.take("Items")
    bank = lab.web3.to_checksum_address(lab.bank)
    indexed.send(items, "safeTransferFrom", bank, wallet.address, 1, 5, b"")
    lab.world.mine(2)
    limits = [{"asset": items["address"], "max_per_transaction": "3"}]
    lab.world.app.ok(200, "PUT", f"/wallets/{wallet.id}/policy", {"limits": limits}, user=wallet.user_id)
    token = {"address": items["address"], "type": "erc1155", "token_id": "1", "amount": "4"}
    assert send(indexed, wallet, token).code == "POLICY_DENIED"
    done(indexed, send(indexed, wallet, token | {"amount": "3"}), token | {"amount": "3"})
    assert lab.call(items, "balanceOf", FRIEND, "1") == "3"


@pytest.mark.parametrize(
    "token",
    [
        {"type": "erc721"},
        {"type": "erc721", "token_id": "1", "amount": "2"},
        {"type": "erc1155", "token_id": "1"},
        {"type": "erc1155", "amount": "1"},
        {"token_id": "1", "amount": "1"},
        {"type": "erc20"},
        {"type": "erc721", "token_id": "-1"},
        {"type": "erc721", "token_id": str(2**256)},
        {"type": "erc1155", "token_id": "1", "amount": str(2**256)},
        {"type": "erc777", "amount": "1"},
    ],
)
def test_bad_tokens_are_refused(indexed: Indexed, token: Any) -> None:
    wallet = indexed.lab.world.wallet()
    assert send(indexed, wallet, {"address": FRIEND} | token).code == "VALIDATION_FAILED"
