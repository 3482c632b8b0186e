"""Read what a signature over typed data (EIP-712) lets others take: permits, authorisations, orders, and signed calls.

A document is identified by its complete type (`encodeType`), so that no other struct can pass as a known one. The
message of a known type is read as the hash covers it; everything else is unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.domain.wallets.outflows.moves import NATIVE, UNLIMITED, Move, Outflow, Unreadable
from shared.domain.wallets.outflows.reader import Reading
from shared.domain.wallets.outflows.wrappers import operation

ANYBODY: Final = "anybody"  # the recipient of an amount that anybody may take
MAX_TYPES: Final = 32
MAX_PARTS: Final = 256
_NUMBER = re.compile(r"0x[0-9a-fA-F]{1,64}|[0-9]{1,78}")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_HEX = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]{0,99}")
_NATIVE_ITEM = 0  # Seaport's item types: native, ERC-20, ERC-721, ERC-1155, and the latter two by criteria
_ORDER_ITEMS = frozenset({1, 2, 3, 4, 5})


@dataclass(frozen=True, slots=True)
class Struct:
    """Fields of a message, as the hash encodes them. Raises Unreadable if they do not fit."""

    fields: Mapping[str, Any]

    def number(self, name: str) -> int:
        value = self.fields.get(name)
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = int(value, 16 if value.startswith("0x") else 10)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise Unreadable(f"{name} is not a number")
        return value

    def address(self, name: str) -> str:
        value = self.fields.get(name)
        if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
            raise Unreadable(f"{name} is not an address")
        return value.lower()

    def data(self, name: str) -> bytes:
        value = self.fields.get(name)
        if not isinstance(value, str) or not _HEX.fullmatch(value):
            raise Unreadable(f"{name} is not bytes")
        return bytes.fromhex(value[2:])

    def flag(self, name: str) -> bool:
        value = self.fields.get(name)
        if not isinstance(value, bool):
            raise Unreadable(f"{name} is neither true nor false")
        return value

    def part(self, name: str) -> Struct:
        value = self.fields.get(name)
        if not isinstance(value, dict):
            raise Unreadable(f"{name} is not a struct")
        return Struct(value)

    def parts(self, name: str) -> list[Struct]:
        value = self.fields.get(name)
        if (
            not isinstance(value, list)
            or len(value) > MAX_PARTS
            or not all(isinstance(p, dict) for p in value)
        ):
            raise Unreadable(f"{name} is not a list of structs")
        return [Struct(one) for one in value]


@dataclass(frozen=True, slots=True)
class Signing:
    """One document: its verifying contract, its message, and the findings."""

    contract: str
    message: Struct
    reading: Reading

    def move(self, recipient: str, amount: int, asset: str | None = None) -> None:
        self.reading.add(Move(asset or self.contract, recipient, amount))


Reader = Callable[[Signing], None]


def _permit(one: Signing) -> None:
    one.move(one.message.address("spender"), one.message.number("value"))


def _dai_permit(one: Signing) -> None:
    if one.message.flag("allowed"):
        one.move(one.message.address("spender"), UNLIMITED)


def _authorization(one: Signing) -> None:
    one.move(one.message.address("to"), one.message.number("value"))


def _nothing(one: Signing) -> None:
    """The signature revokes a right."""


def _allowance(one: Signing) -> None:
    _allow(one, [one.message.part("details")])


def _allowances(one: Signing) -> None:
    _allow(one, one.message.parts("details"))


def _allow(one: Signing, details: list[Struct]) -> None:
    for part in details:
        one.move(one.message.address("spender"), part.number("amount"), part.address("token"))


def _transfer(one: Signing) -> None:
    _permitted(one, [one.message.part("permitted")])


def _transfers(one: Signing) -> None:
    _permitted(one, one.message.parts("permitted"))


def _permitted(one: Signing, permitted: list[Struct]) -> None:
    """The spender chooses the recipient."""
    for part in permitted:
        one.move(one.message.address("spender"), part.number("amount"), part.address("token"))


def _safe(one: Signing) -> None:
    message = one.message
    if message.number("gasPrice"):
        raise Unreadable("the Safe would pay for the gas")
    inner = operation(
        message.address("to"), message.number("value"), message.data("data"), message.number("operation")
    )
    for call in inner:
        one.reading.inner(one.contract, call, own=False, depth=1)


def _forward(one: Signing) -> None:
    """A forwarder (ERC-2771) calls in the wallet's name."""
    message = one.message
    one.reading.call(message.address("to"), message.number("value"), message.data("data"), depth=1)


def _meta_transaction(one: Signing) -> None:
    """The token calls itself in the wallet's name."""
    one.reading.call(one.contract, 0, one.message.data("functionSignature"), depth=1)


def _seaport(one: Signing) -> None:
    """Anybody who fulfils the order gets the offered items, at the highest amount that the order reaches."""
    for item in one.message.parts("offer"):
        kind, amount = item.number("itemType"), max(item.number("startAmount"), item.number("endAmount"))
        if kind != _NATIVE_ITEM and kind not in _ORDER_ITEMS:
            raise Unreadable("an item of the order is of no known kind")
        one.move(ANYBODY, amount, NATIVE if kind == _NATIVE_ITEM else item.address("token"))
    _check_receivers(one, [part.address("recipient") for part in one.message.parts("consideration")])


def _swap(one: Signing) -> None:
    """CoW Protocol: anybody who settles the order gets the sold amount; the receiver gets the bought amount."""
    message = one.message
    sold = message.number("sellAmount") + message.number("feeAmount")
    one.move(ANYBODY, sold, message.address("sellToken"))
    if int(message.address("receiver"), 16):
        _check_receivers(one, [message.address("receiver")])


def _check_receivers(one: Signing, receivers: list[str]) -> None:
    for receiver in receivers:
        one.move(receiver, 0)


_TOKENS: Final = "TokenPermissions(address token,uint256 amount)"
_DETAILS: Final = "PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)"
_3009: Final = "(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
# encodeType → (selector of the equivalent call, its reader)
KNOWN: Final[dict[str, tuple[str, Reader]]] = {
    "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)": (
        "d505accf", _permit,
    ),
    "Permit(address holder,address spender,uint256 nonce,uint256 expiry,bool allowed)": (
        "8fcbaf0c", _dai_permit,
    ),
    f"TransferWithAuthorization{_3009}": ("e3ee160e", _authorization),
    f"ReceiveWithAuthorization{_3009}": ("ef55bec6", _authorization),
    "CancelAuthorization(address authorizer,bytes32 nonce)": ("5a049a70", _nothing),
    f"PermitSingle(PermitDetails details,address spender,uint256 sigDeadline){_DETAILS}": (
        "2b67b570", _allowance,
    ),
    f"PermitBatch(PermitDetails[] details,address spender,uint256 sigDeadline){_DETAILS}": (
        "2a2d80d1", _allowances,
    ),
    "PermitTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline)"
    f"{_TOKENS}": ("30f28b7a", _transfer),
    "PermitBatchTransferFrom(TokenPermissions[] permitted,address spender,uint256 nonce,uint256 deadline)"
    f"{_TOKENS}": ("edd9444b", _transfers),
    "SafeTx(address to,uint256 value,bytes data,uint8 operation,uint256 safeTxGas,uint256 baseGas,"
    "uint256 gasPrice,address gasToken,address refundReceiver,uint256 nonce)": ("6a761202", _safe),
    "ForwardRequest(address from,address to,uint256 value,uint256 gas,uint256 nonce,bytes data)": (
        "47153f82", _forward,
    ),
    "ForwardRequest(address from,address to,uint256 value,uint256 gas,uint256 nonce,uint48 deadline,"
    "bytes data)": ("df905caf", _forward),
    "MetaTransaction(uint256 nonce,address from,bytes functionSignature)": ("0c53c51c", _meta_transaction),
    "OrderComponents(address offerer,address zone,OfferItem[] offer,ConsiderationItem[] consideration,"
    "uint8 orderType,uint256 startTime,uint256 endTime,bytes32 zoneHash,uint256 salt,bytes32 conduitKey,"
    "uint256 counter)ConsiderationItem(uint8 itemType,address token,uint256 identifierOrCriteria,"
    "uint256 startAmount,uint256 endAmount,address recipient)OfferItem(uint8 itemType,address token,"
    "uint256 identifierOrCriteria,uint256 startAmount,uint256 endAmount)": ("fb0f3ee1", _seaport),
    "Order(address sellToken,address buyToken,address receiver,uint256 sellAmount,uint256 buyAmount,"
    "uint32 validTo,bytes32 appData,uint256 feeAmount,string kind,bool partiallyFillable,"
    "string sellTokenBalance,string buyTokenBalance)": ("13d79a0b", _swap),
}  # fmt: skip
_WITNESSED: Final = {  # a witness can only restrict it
    "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,": (
        "137c29fe", _transfer,
    ),
    "PermitBatchWitnessTransferFrom(TokenPermissions[] permitted,address spender,uint256 nonce,"
    "uint256 deadline,": ("fe8ec1a7", _transfers),
}  # fmt: skip


def of_typed_data(wallet: str, document: Mapping[str, Any]) -> Outflow:
    """The outflow of the signature; not readable if it is unknown. Never raises."""
    reading = Reading(wallet)
    try:
        contract = Struct(_mapping(document, "domain")).address("verifyingContract")
        selector, read = _known(document)
        reading.signs_for(contract, selector)
        read(Signing(contract, Struct(_mapping(document, "message")), reading))
    except Unreadable:
        return Outflow(readable=False)
    return reading.outflow()


def named(document: Mapping[str, Any]) -> tuple[str, str]:
    """The verifying contract (lower case) and the primary type; "" for a missing one."""
    domain, primary = document.get("domain"), document.get("primaryType")
    contract = domain.get("verifyingContract") if isinstance(domain, dict) else None
    return str(contract or "").lower(), primary if isinstance(primary, str) else ""


def _known(document: Mapping[str, Any]) -> tuple[str, Reader]:
    text, types = encode_type(document), _mapping(document, "types")
    if text in KNOWN:
        return KNOWN[text]
    for start, found in _WITNESSED.items():
        if text.startswith(start) and _fields(types, "TokenPermissions") == "address token,uint256 amount":
            return found
    raise Unreadable("the type is not known")


def encode_type(document: Mapping[str, Any]) -> str:
    """EIP-712's encodeType of the primary type. Raises Unreadable."""
    types, primary = _mapping(document, "types"), document.get("primaryType")
    if not isinstance(primary, str) or len(types) > MAX_TYPES:
        raise Unreadable("there are too many types, or no primary one")
    used: set[str] = set()
    wanted = [primary]
    while wanted:
        name = wanted.pop()
        if name in types and name not in used:
            used.add(name)
            wanted += [str(field["type"]).partition("[")[0] for field in _declared(types, name)]
    order = [primary, *sorted(used - {primary})]
    return "".join(f"{name}({_fields(types, name)})" for name in order)


def _fields(types: Mapping[str, Any], name: str) -> str:
    return ",".join(f"{field['type']} {field['name']}" for field in _declared(types, name))


def _declared(types: Mapping[str, Any], name: str) -> list[dict[str, str]]:
    fields = types.get(name)
    if not isinstance(fields, list) or len(fields) > MAX_PARTS or not _NAME.fullmatch(name):
        raise Unreadable("a type is not a list of fields")
    for field in fields:
        texts = (field.get("name"), field.get("type")) if isinstance(field, dict) else (None, None)
        if not all(isinstance(text, str) for text in texts) or not _NAME.fullmatch(field["name"]):
            raise Unreadable("a field has no name or no type")
    return fields


def _mapping(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = document.get(name)
    if not isinstance(found, dict):
        raise Unreadable(f"{name} is missing")
    return found
