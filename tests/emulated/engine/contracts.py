"""Tokens as byte code: the test chooses each answer, so that it can try any oddity of a contract."""

from __future__ import annotations

import os
from collections.abc import Mapping

from eth_utils.address import to_checksum_address

from shared.chain import tokens
from shared.domain.transactions.evidence import TRANSFER_TOPIC
from tests.emulated.engine.world import World

HELD = 10**18  # base units, the balance of everybody
# Ends of a call; values left on the stack do not matter.
NOTHING, REVERT = "00", "5f80fd"
LOGGED = (
    f"6024355f52600435337f{TRANSFER_TOPIC[2:]}60205fa3"  # Transfer(caller, first argument, second argument)
)


def word(value: int) -> str:
    """Return a number."""
    return f"7f{value:064x}5f5260205ff3"


def short(size: int) -> str:
    """Return this many zero bytes."""
    return f"60{size:02x}5ff3"


TRUE, FALSE = word(1), word(0)


def token(world: World, transfer: str = LOGGED + TRUE, answers: Mapping[bytes, str] | None = None) -> str:
    """Deploy a contract that ends the selectors in `answers` as given, balanceOf with HELD, and all others with
    `transfer`."""
    ends = {tokens.BALANCE_OF: word(HELD)} | dict(answers or {})
    start = 5 + 11 * len(ends)
    table, tails = "", transfer
    for selector, end in ends.items():
        table += f"8063{selector.hex()}1461{start + len(tails) // 2:04x}57"
        tails += "5b" + end
    address = str(to_checksum_address("0x" + os.urandom(20).hex()))
    world.control("anvil_setCode", address, "0x5f3560e01c" + table + tails)
    world.mine(2)
    return address
