"""Chains as data: ids, EIP-55 addresses, currencies, configured tokens."""

from __future__ import annotations

import json
import re

import pytest

from shared.chain.registry import GWEI, Registry, Token, UnknownChain, UnsupportedCurrency, checksum
from shared.domain.errors import InvalidValue
from shared.domain.money import Asset, format_amount, parse_amount
from shared.domain.transactions.fees import FeeCaps
from shared.settings import load

REGISTRY = Registry.DEFAULT
ADDRESS = "0x5fbdb2315678afecb367f032d93f642f64180aa3"


def tokens(**odd: object) -> str:
    return json.dumps({"local": [{"symbol": "TST", "address": ADDRESS, "decimals": 6} | odd]})


IDS = {
    "local": 31337, "ethereum": 1, "sepolia": 11155111, "bsc": 56,
    "polygon": 137, "base": 8453, "arbitrum": 42161, "optimism": 10,
}  # fmt: skip


def test_the_chains_and_their_ids() -> None:
    assert {name: spec.chain_id for name, spec in REGISTRY.chains.items()} == IDS
    assert all(REGISTRY.by_id(chain_id).name == name for name, chain_id in IDS.items())


@pytest.mark.parametrize("spec", REGISTRY.chains.values(), ids=IDS)
def test_every_chain_is_complete_and_its_numbers_fit(spec) -> None:
    assert isinstance(spec.caps, FeeCaps)
    assert spec.least_priority_fee <= spec.caps.max_priority_fee_per_gas <= spec.caps.max_fee_per_gas
    places = {"local": 1024, "base": 64, "optimism": 64, "arbitrum": 64}
    assert spec.max_inflight == places.get(spec.name, 16)
    assert spec.native == Asset(spec.name, spec.symbol, None, 18)
    assert spec.name == "local" or re.fullmatch(r"https://[a-z.]+", spec.explorer)
    assert spec.path(3) == "m/44'/60'/0'/0/3"
    assert spec.settlement_gas_reserve >= 21_000 * spec.caps.max_fee_per_gas // 25
    for token in spec.tokens:
        assert checksum(token.address.lower()) == token.address  # in EIP-55 spelling
        assert REGISTRY.currency(spec.name, token.address.lower()).symbol == token.symbol


def test_the_local_chain() -> None:
    local = REGISTRY.chain("local")
    assert (local.block_seconds, local.confirmations, local.has_finalized) == (1.0, 2, False)
    assert REGISTRY.chain("bsc").fee_kind == "legacy"


def test_a_currency_is_found_by_symbol_or_address() -> None:
    assert REGISTRY.currency("polygon", "POL") == Asset("polygon", "POL", None, 18)
    assert REGISTRY.currency("bsc", "USDC").decimals == 18
    for text in ("usdc", "DAI", "", "0x" + "00" * 20):
        with pytest.raises(UnsupportedCurrency):
            REGISTRY.currency("ethereum", text)
    with pytest.raises(UnknownChain):
        REGISTRY.currency("solana", "SOL")
    with pytest.raises(UnknownChain):
        REGISTRY.by_id(5)


def test_tokens_by_configuration() -> None:
    registry = Registry.configured(tokens())
    asset = Asset("local", "TST", "0x5FbDB2315678afecb367f032d93F642f64180aa3", 6)
    assert registry.currency("local", "TST") == registry.currency("local", ADDRESS) == asset
    assert Registry.configured("").chains == REGISTRY.chains
    replaced = registry.with_tokens("local", [Token("TST", "0x" + "11" * 20, 8)])
    assert [token.decimals for token in replaced.chain("local").tokens] == [8]
    with pytest.raises(UnsupportedCurrency):
        REGISTRY.currency("local", "TST")  # the built-in registry does not change


@pytest.mark.parametrize(
    ("symbol", "address"),
    [
        ("ETH", "0x" + "11" * 20),
        ("TST", "0x12"),
        ("TST", "0x5FbDB2315678afecb367f032d93F642f64180aA3"),
        ("TST", "vitalik.eth"),
    ],
)
def test_bad_configuration_is_refused(symbol, address) -> None:
    with pytest.raises(ValueError, match=r"address|native coin"):
        REGISTRY.with_tokens("local", [Token(symbol, address, 18)])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (tokens(decimals=29), "decimals of TST must be an integer from 0 to 28"),
        (tokens(decimals=255), "from 0 to 28"),
        (tokens(decimals=-1), "from 0 to 28"),
        (tokens(decimals=6.5), "from 0 to 28"),
        (tokens(decimals="6"), "from 0 to 28"),
        (tokens(decimals=True), "from 0 to 28"),
        (tokens(decimals=None), "from 0 to 28"),
        (tokens(symbol=""), "symbol"),
        (tokens(symbol="A B"), "symbol"),
        (tokens(symbol=7), "symbol"),
        (tokens(symbol="ETH"), "native coin"),
        (tokens(address="0x12"), "not an address"),
        (tokens(address=None), "not an address"),
        (json.dumps({"nowhere": []}), "no chain 'nowhere'"),
        (
            json.dumps({"local": [{"symbol": "TST", "address": ADDRESS}]}),
            "lists of symbol, address and decimals",
        ),
        (json.dumps({"local": 7}), "lists of"),
        (json.dumps([]), "lists of"),
        ("{", "Expecting"),
    ],
)
def test_tokens_that_cannot_be_are_refused_with_the_settings(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"CHAIN_TOKENS is wrong: .*{problem}"):
        load({"CHAIN_TOKENS": text})


@pytest.mark.parametrize("decimals", [0, 2, 28])
def test_decimals_that_a_supply_can_have(decimals: int) -> None:
    asset = Registry.configured(load({"CHAIN_TOKENS": tokens(decimals=decimals)}).chain_tokens).currency(
        "local", "TST"
    )
    assert asset.decimals == decimals
    whole = parse_amount("1", decimals)
    assert format_amount(whole, decimals) == "1"
    with pytest.raises(InvalidValue):
        parse_amount("1", 29)  # more than the ledger holds


def test_caps_are_in_wei() -> None:
    assert REGISTRY.chain("ethereum").caps.max_fee_per_gas == 500 * GWEI


def test_more_in_flight_by_configuration() -> None:
    registry = Registry.configured(max_inflight='{"base": 128, "ethereum": 4}')
    assert (registry.chain("base").max_inflight, registry.chain("ethereum").max_inflight) == (128, 4)
    assert registry.chain("bsc").max_inflight == 16


@pytest.mark.parametrize(
    "text", ["[]", '{"base": 0}', '{"base": 1025}', '{"base": "9"}', '{"base": true}', '{"mars": 9}', "{"]
)
def test_a_wrong_number_in_flight_is_refused_at_start(text: str) -> None:
    with pytest.raises(ValueError, match="MAX_INFLIGHT is wrong"):
        load({"MAX_INFLIGHT": text})
