"""Permit2 (Uniswap): allowances and transfers of any token, by calls and by signatures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from shared.domain.wallets.outflows.arguments import WORD, Arguments
from shared.domain.wallets.outflows.moves import Move, Unreadable

MAX_PARTS: Final = 256
Reader = Callable[
    [Arguments, str | None], list[Move]
]  # (arguments, caller; None: the wallet may be the caller)


def _approve(arguments: Arguments, sender: str | None) -> list[Move]:
    return [Move(arguments.address(0), arguments.address(WORD), arguments.uint(2 * WORD, 160))]


def _permit(arguments: Arguments, sender: str | None) -> list[Move]:
    """owner, {{token, amount, expiration, nonce}, spender, deadline}, signature."""
    moved = Move(arguments.address(WORD), arguments.address(5 * WORD), arguments.uint(2 * WORD, 160))
    return [_of(arguments.address(0), moved, sender)]


def _permit_batch(arguments: Arguments, sender: str | None) -> list[Move]:
    owner, permit = arguments.address(0), arguments.place(WORD)
    spender = arguments.address(permit + WORD)
    parts = _bounded(arguments.items(permit, permit, words=4))
    return [
        _of(owner, Move(arguments.address(at), spender, arguments.uint(at + WORD, 160)), sender)
        for at in parts
    ]


def _transfer(arguments: Arguments, sender: str | None) -> list[Move]:
    return [_allowance_transfer(arguments, 0, sender)]


def _transfer_batch(arguments: Arguments, sender: str | None) -> list[Move]:
    return [_allowance_transfer(arguments, at, sender) for at in _bounded(arguments.items(0, words=4))]


def _allowance_transfer(arguments: Arguments, at: int, sender: str | None) -> Move:
    moved = Move(
        arguments.address(at + 3 * WORD), arguments.address(at + WORD), arguments.uint(at + 2 * WORD, 160)
    )
    return _of(arguments.address(at), moved, sender)


def _permit_transfer(arguments: Arguments, sender: str | None) -> list[Move]:
    """{{token, amount}, nonce, deadline}, {to, requested}, owner, …"""
    moved = Move(arguments.address(0), arguments.address(4 * WORD), arguments.word(5 * WORD))
    return [_of(arguments.address(6 * WORD), moved, sender)]


def _permit_transfer_batch(arguments: Arguments, sender: str | None) -> list[Move]:
    permit = arguments.place(0)
    permitted = _bounded(arguments.items(permit, permit, words=2))
    transfers = _bounded(arguments.items(WORD, words=2))
    if len(permitted) != len(transfers):
        raise Unreadable("a batch names other transfers than it permits")
    owner = arguments.address(2 * WORD)
    return [
        _of(owner, Move(arguments.address(one), arguments.address(to), arguments.word(to + WORD)), sender)
        for one, to in zip(permitted, transfers, strict=True)
    ]


def _nothing(arguments: Arguments, sender: str | None) -> list[Move]:
    return []


def _of(owner: str, moved: Move, sender: str | None) -> Move:
    return moved if sender in (None, owner) else Move(moved.asset, moved.recipient, 0)


def _bounded(places: range) -> range:
    if len(places) > MAX_PARTS:
        raise Unreadable("a batch is too long")
    return places


_DETAILS: Final = "(address,uint160,uint48,uint48)"
_PERMITTED: Final = "(address,uint256)"
PERMIT2: Final[dict[str, tuple[str, Reader]]] = {
    "87517c45": ("approve(address,address,uint160,uint48)", _approve),
    "2b67b570": (f"permit(address,({_DETAILS},address,uint256),bytes)", _permit),
    "2a2d80d1": (f"permit(address,({_DETAILS}[],address,uint256),bytes)", _permit_batch),
    "36c78516": ("transferFrom(address,address,uint160,address)", _transfer),
    "0d58b1db": ("transferFrom((address,address,uint160,address)[])", _transfer_batch),
    "30f28b7a": (
        f"permitTransferFrom(({_PERMITTED},uint256,uint256),(address,uint256),address,bytes)",
        _permit_transfer,
    ),
    "edd9444b": (
        f"permitTransferFrom(({_PERMITTED}[],uint256,uint256),(address,uint256)[],address,bytes)",
        _permit_transfer_batch,
    ),
    "137c29fe": (
        f"permitWitnessTransferFrom(({_PERMITTED},uint256,uint256),(address,uint256),address,bytes32,string,bytes)",
        _permit_transfer,
    ),
    "fe8ec1a7": (
        f"permitWitnessTransferFrom(({_PERMITTED}[],uint256,uint256),(address,uint256)[],address,bytes32,string,bytes)",
        _permit_transfer_batch,
    ),
    "cc53287f": ("lockdown((address,address)[])", _nothing),
    "65d9723c": ("invalidateNonces(address,address,uint48)", _nothing),
    "3ff9dcb1": ("invalidateUnorderedNonces(uint256,uint256)", _nothing),
}
