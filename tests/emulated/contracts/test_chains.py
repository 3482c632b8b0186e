"""The public data of the chains, and the sandbox of local runs."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from emulators.sandbox import coin, faucet
from shared import resources
from shared.chain.registry import Registry
from shared.runtime import operation
from shared.triggers.router import Router
from tests.emulated.conftest import Recorder
from tests.support.inprocess import App

SOMEBODY = "0x00000000000000000000000000000000000000f2"


def test_everybody_sees_the_chains_that_are_served(app: App, published: Recorder) -> None:
    urls = {"local": (os.environ["RPC_URL"],), "base": ("http://127.0.0.1:9",)}
    with resources.override(settings=replace(resources.settings(), rpc_urls=urls)):
        base, local = app.ok(200, "GET", "/chains")["items"]
    assert (local["name"], local["chain_id"], local["default"]) == ("local", 31337, True)
    assert local["currencies"][0] == {"symbol": "ETH", "token_address": None, "decimals": 18}
    assert local["health"]["status"] == "ok" and local["health"]["block_number"] >= 0
    assert local["caps"] == {
        "max_fee_per_gas": "500000000000", "max_priority_fee_per_gas": "100000000000",
    }  # fmt: skip
    assert base["health"] == {"status": "unavailable", "block_number": None}
    assert "USDC" in [one["symbol"] for one in base["currencies"]] and "127.0.0.1" not in str((base, local))


def test_a_product_that_another_one_overtakes_takes_its_coin(monkeypatch: pytest.MonkeyPatch) -> None:
    url = os.environ["RPC_URL"]
    address, really, seen = coin.deploy(url), coin._deployed, iter([False])
    monkeypatch.setattr(coin, "_deployed", lambda rpc, at: next(seen, None) is None and really(rpc, at))
    assert coin.deploy(url) == address and next(seen, "looked") == "looked"


def test_the_faucet_gives_coins_and_test_coins(app: App) -> None:
    url = os.environ["RPC_URL"]
    app.router = Router(operation.catalog() | faucet.operations())
    tokens = coin.registered(url, '{"base": []}')
    assert coin.registered(url, '{"base": []}') == tokens
    with resources.override(registry=Registry.configured(tokens)):
        resources.reset("chain:local")
        client = resources.chain("local")
        before = client.balance(SOMEBODY)[0]
        given = app.ok(200, "POST", "/sandbox/faucet", {"address": SOMEBODY, "currency": "ETH"}, user="usr_1")
        assert int(given["amount"]) == client.balance(SOMEBODY)[0] - before == faucet.NATIVE
        address = resources.registry().currency("local", "TEST").token_address
        assert address is not None
        held = client.token_balance(address, SOMEBODY)[0]
        for currency in ("TEST", address):
            app.ok(200, "POST", "/sandbox/faucet", {"address": SOMEBODY, "currency": currency}, user="usr_1")
        assert client.token_balance(address, SOMEBODY)[0] - held == 2 * faucet.COINS
        assert client.token_metadata(address) == (6, "TEST")
        for body, code in (
            ({"address": SOMEBODY, "currency": "DOGE"}, "UNSUPPORTED_CURRENCY"),
            ({"address": "0x12", "currency": "ETH"}, "VALIDATION_FAILED"),
            ({"address": SOMEBODY, "currency": "ETH", "amount": "5"}, "VALIDATION_FAILED"),
        ):
            assert app.call("POST", "/sandbox/faucet", body, user="usr_1").code == code
        body = {"address": SOMEBODY, "currency": "ETH"}
        assert app.call("POST", "/sandbox/faucet", body).status == 401
