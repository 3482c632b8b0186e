"""Intents from one builder: transaction and recipient, the funds that it uses, and the least gas."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest

from shared import resources
from shared.chain import tokens
from shared.chain.registry import Registry, Token
from shared.domain.errors import InvalidValue
from shared.domain.transactions.acceptance import PLAIN_GAS
from shared.engine import intents
from shared.engine.intents import Sender

SENDER = Sender("wal_1", "usr_1", "local", "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
TARGET = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
TOKEN = "0x5FbDB2315678afecb367f032d93F642f64180aa3"


def test_coins_go_to_the_recipient_with_the_least_gas() -> None:
    intent = intents.build(SENDER, TARGET.lower(), value=5)
    assert (intent.wallet_id, intent.user_id, intent.from_address) == ("wal_1", "usr_1", SENDER.address)
    assert (intent.to, intent.value, intent.data, intent.gas) == (TARGET, 5, b"", PLAIN_GAS)
    assert intent.token_address is intent.token_recipient is intent.token_amount is None


def test_tokens_are_a_call_of_their_contract() -> None:
    intent = intents.build(SENDER, TARGET, token=(TOKEN.lower(), 7), gas=90_000)
    assert (intent.to, intent.value, intent.gas) == (TOKEN, 0, 90_000)
    assert tokens.decoded_transfer(intent.data) == (TARGET, 7)
    assert (intent.token_address, intent.token_recipient, intent.token_amount) == (TOKEN, TARGET, 7)


@pytest.mark.parametrize("listed", [True, False])
def test_data_that_transfers_a_listed_token_draws_on_its_funds(listed: bool) -> None:
    local = replace(Registry.DEFAULT.chain("local"), tokens=(Token("T", TOKEN, 6),) if listed else ())
    with resources.override(registry=Registry(MappingProxyType({"local": local}))):
        asked = intents.build(SENDER, TOKEN, data=tokens.transfer(TARGET, 7))
        named = intents.build(SENDER, TARGET, token=(TOKEN, 7))
        other = intents.build(SENDER, TOKEN, value=1, data=tokens.transfer(TARGET, 7))
    assert (asked == named) is listed
    assert asked.token_address == (TOKEN if listed else None)
    assert other.token_address is None


def test_an_address_with_a_wrong_checksum_is_refused() -> None:
    with pytest.raises(InvalidValue):
        intents.build(SENDER, TARGET.replace("C5", "c5"))
