"""Calls that contain calls: multicall, Multicall3, Safe and its modules, MultiSend, and accounts
that execute batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from shared.domain.wallets.outflows.arguments import WORD, Arguments
from shared.domain.wallets.outflows.moves import Unreadable

# Safe's libraries that a Safe may run by delegate call (1.3.0, 1.4.1; with and without delegate calls inside).
MULTI_SEND: Final = frozenset(
    {
        "0xa238cbeb142c10ef7ad8442c6d1f9e89e07e7761",
        "0x998739bfdaadde7c933b942a68053933098f9eda",
        "0x40a2accbd92bca938b02010e17a5b8929b49130d",
        "0xa1dabef33b3b82c7814b6d82a79e50f4ac44102b",
        "0x38869bf66a61cf6bdb996a6ae40d5853fd43b526",
        "0x9641d764fc13c8b624c04430c7356c1c7c8102e2",
    }
)
_MULTI_SEND_SELECTOR: Final = bytes.fromhex("8d80ff0a")
_SINGLE, _BATCH = 0x00, 0x01  # call types of ERC-7579
_PLAIN_MODES: Final = (bytes(4), bytes.fromhex("78210001"))  # of ERC-7579, and a batch of ERC-7821


@dataclass(frozen=True, slots=True)
class Inner:
    """A call inside a call. `to` None: the contract calls itself on behalf of its caller."""

    to: str | None
    value: int
    data: bytes = field(repr=False)


Opener = Callable[[Arguments], Iterator[Inner]]


def _self_calls(at: int) -> Opener:
    """bytes[]"""

    def opened(arguments: Arguments) -> Iterator[Inner]:
        places = arguments.items(at)
        yield from (Inner(None, 0, arguments.bytes_at(one, places.start)) for one in places)

    return opened


def _calls(at: int, *, data: int, value: int | None = None) -> Opener:
    """An array of tuples that start with a target; `data` and `value` are the positions of the other fields."""

    def opened(arguments: Arguments) -> Iterator[Inner]:
        return _tuples(arguments, at, data, value)

    return opened


def _tuples(arguments: Arguments, at: int, data: int, value: int | None) -> Iterator[Inner]:
    places = arguments.items(at)
    for one in places:
        start = arguments.place(one, places.start)
        sent = 0 if value is None else arguments.word(start + value * WORD)
        yield Inner(arguments.address(start), sent, arguments.bytes_at(start + data * WORD, start))


def _columns(*, values: int | None, data: int) -> Opener:
    """Parallel arrays: targets, optional values, data."""

    def opened(arguments: Arguments) -> Iterator[Inner]:
        targets, calls = arguments.items(0), arguments.items(data * WORD)
        sent = arguments.items(values * WORD) if values is not None else range(0)
        if len(targets) != len(calls) or (values is not None and len(sent) not in (0, len(targets))):
            raise Unreadable("a batch has columns of different lengths")
        for index, target in enumerate(targets):
            value = arguments.word(sent[index]) if len(sent) else 0
            yield Inner(arguments.address(target), value, arguments.bytes_at(calls[index], calls.start))

    return opened


def _execute(arguments: Arguments) -> Iterator[Inner]:
    """target, value, data"""
    yield Inner(arguments.address(0), arguments.word(WORD), arguments.bytes_at(2 * WORD))


def _execute_operation(arguments: Arguments) -> Iterator[Inner]:
    """The same with an operation: 0 calls, 1 runs the target's code in the account's context."""
    target, value, data = arguments.address(0), arguments.word(WORD), arguments.bytes_at(2 * WORD)
    return operation(target, value, data, arguments.uint(3 * WORD, 8))


def _exec_transaction(arguments: Arguments) -> Iterator[Inner]:
    """Safe: … operation, safeTxGas, baseGas, gasPrice, gasToken, refundReceiver, signatures."""
    if arguments.word(6 * WORD):
        raise Unreadable("the Safe would pay for the gas")
    return _execute_operation(arguments)


def operation(target: str, value: int, data: bytes, kind: int) -> Iterator[Inner]:
    """The calls of a Safe operation: one call, or several by one of its known libraries. Raises Unreadable."""
    if kind == 0:
        yield Inner(target, value, data)
        return
    if kind != 1 or target not in MULTI_SEND or data[:4] != _MULTI_SEND_SELECTOR:
        raise Unreadable("foreign code would run in the account's place")
    yield from _multi_send(Arguments(data[4:]))


def _multi_send(arguments: Arguments) -> Iterator[Inner]:
    """Packed: operation (1 byte), target (20), value (32), length (32), data."""
    packed, at = arguments.bytes_at(0), 0
    while at < len(packed):
        head = packed[at : at + 85]
        size = int.from_bytes(head[53:], "big")
        target = head[1:21]
        if len(head) != 85 or head[0] or not any(target) or size > len(packed) - at - 85:
            raise Unreadable("a packed call cannot be read")
        yield Inner(f"0x{target.hex()}", int.from_bytes(head[21:53], "big"), packed[at + 85 : at + 85 + size])
        at += 85 + size


def _execute_mode(arguments: Arguments) -> Iterator[Inner]:
    """ERC-7579: the first byte of the mode defines the format of the rest, the second the handling of failed calls.

    A selector in the mode may change the format: ERC-7821 has one for batches of batches. Their bytes would otherwise
    be read as another batch than the account executes."""
    mode, packed = arguments.word(0).to_bytes(WORD, "big"), arguments.bytes_at(WORD)
    kind, read_otherwise = mode[0], mode[6:10] not in _PLAIN_MODES
    if read_otherwise or mode[1] > 1 or any(mode[2:6]):
        raise Unreadable("the account would read the calls in a way of its own")
    if kind == _SINGLE and len(packed) >= 52:
        yield Inner(f"0x{packed[:20].hex()}", int.from_bytes(packed[20:52], "big"), packed[52:])
    elif kind == _BATCH:
        yield from _tuples(Arguments(packed), 0, 2, 1)
    else:
        raise Unreadable("the account would do something else than calls")


_CALLS: Final = "(address,uint256,bytes)[]"
WRAPPERS: Final[dict[str, tuple[str, Opener]]] = {
    "ac9650d8": ("multicall(bytes[])", _self_calls(0)),
    "5ae401dc": ("multicall(uint256,bytes[])", _self_calls(WORD)),
    "1f0464d1": ("multicall(bytes32,bytes[])", _self_calls(WORD)),
    "252dba42": ("aggregate((address,bytes)[])", _calls(0, data=1)),
    "c3077fa9": ("blockAndAggregate((address,bytes)[])", _calls(0, data=1)),
    "bce38bd7": ("tryAggregate(bool,(address,bytes)[])", _calls(WORD, data=1)),
    "399542e9": ("tryBlockAndAggregate(bool,(address,bytes)[])", _calls(WORD, data=1)),
    "82ad56cb": ("aggregate3((address,bool,bytes)[])", _calls(0, data=2)),
    "174dea71": ("aggregate3Value((address,bool,uint256,bytes)[])", _calls(0, data=3, value=2)),
    "6a761202": (
        "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)",
        _exec_transaction,
    ),
    "468721a7": ("execTransactionFromModule(address,uint256,bytes,uint8)", _execute_operation),
    "5229073f": ("execTransactionFromModuleReturnData(address,uint256,bytes,uint8)", _execute_operation),
    "8d80ff0a": ("multiSend(bytes)", _multi_send),
    "b61d27f6": ("execute(address,uint256,bytes)", _execute),
    "51945447": ("execute(address,uint256,bytes,uint8)", _execute_operation),
    "18dfb3c7": ("executeBatch(address[],bytes[])", _columns(values=None, data=1)),
    "47e1da2a": ("executeBatch(address[],uint256[],bytes[])", _columns(values=1, data=2)),
    "34fcd5be": (f"executeBatch({_CALLS})", _calls(0, data=2, value=1)),
    "3f707e6b": (f"execute({_CALLS})", _calls(0, data=2, value=1)),
    "e9ae5c53": ("execute(bytes32,bytes)", _execute_mode),
    "d691c964": ("executeFromExecutor(bytes32,bytes)", _execute_mode),
}
