"""Sign-In with Ethereum (EIP-4361): parse the message that a wallet signed, and check its fields.

Parsing is strict: it refuses everything that the ABNF does not allow, so that we read the same message that the person
saw in their wallet. A session belongs to the address. Nonces are random and issued once; the caller of `check` spends
them.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from shared.domain.errors import InvalidValue
from shared.identity import uri
from shared.identity.errors import SiweRefused

MAX_MESSAGE_CHARACTERS = 4096
MAX_SIGNATURE_BYTES = 4096  # contract wallets have signatures of any form

ContractCheck = Callable[[str, bytes, bytes], bool]  # (address, digest, signature) → valid by EIP-1271

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_HEX = re.compile(r"0x(?:[0-9a-fA-F]{2})+")
_MESSAGE = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://)?(?P<domain>[^\s/?#]+)"
    r" wants you to sign in with your Ethereum account:\n"
    r"(?P<address>0x[0-9a-fA-F]{40})\n\n"
    rf"(?:(?P<statement>[{uri.RESERVED}{uri.UNRESERVED} ]*)\n)?\n"
    r"URI: (?P<uri>\S+)\n"
    r"Version: (?P<version>1)\n"
    r"Chain ID: (?P<chain_id>[0-9]{1,19})\n"
    r"Nonce: (?P<nonce>[A-Za-z0-9]{8,})\n"
    r"Issued At: (?P<issued_at>\S+)"
    r"(?:\nExpiration Time: (?P<expiration_time>\S+))?"
    r"(?:\nNot Before: (?P<not_before>\S+))?"
    rf"(?:\nRequest ID: (?P<request_id>{uri.PCHAR}*))?"
    r"(?P<list>\nResources:(?P<resources>(?:\n- \S+)*))?"
)


@dataclass(frozen=True, slots=True)
class SiweMessage:
    """The fields of an EIP-4361 message; `text` is exactly the signed text."""

    text: str
    scheme: str | None
    domain: str
    address: str  # EIP-55
    statement: str | None
    uri: str
    chain_id: int
    nonce: str
    issued_at: datetime
    expiration_time: datetime | None
    not_before: datetime | None
    request_id: str | None
    resources: tuple[str, ...]


_ASKS = " wants you to sign in with your ethereum account"


def asks_to_sign_in(text: str) -> str | None:
    """The site that a text signs in to, in lower case, with port and without scheme; None for any other text.

    Signers use this, because they must never sign a text that `parse` accepts. It accepts more than the grammar: any
    case, spaces around the text, and any text after the sentence."""
    before, asks, _ = text.strip().lower().partition(_ASKS)
    return before.rpartition("://")[2].strip() if asks else None


def parse(text: str) -> SiweMessage:
    """Parse a message. Raises InvalidValue (field `message`) if it does not match the grammar."""
    from shared.keys.addresses import parse_address

    match = _MESSAGE.fullmatch(text) if len(text) <= MAX_MESSAGE_CHARACTERS else None
    if match is None:
        raise _malformed("does not follow the form of EIP-4361")
    resources = tuple((match["resources"] or "").split("\n- ")[1:])
    if not uri.is_authority(match["domain"]):
        raise _malformed("its domain is not an RFC 3986 authority")
    if not all(uri.is_uri(value) for value in (match["uri"], *resources)):
        raise _malformed("its URI or a resource is not an RFC 3986 URI")
    if parse_address(match["address"], "message") != match["address"]:
        raise _malformed("its address does not have the capital letters of EIP-55")
    return SiweMessage(
        text=text,
        scheme=match["scheme"],
        domain=match["domain"],
        address=match["address"],
        statement=match["statement"],
        uri=match["uri"],
        chain_id=int(match["chain_id"]),
        nonce=match["nonce"],
        issued_at=_time(match["issued_at"]),
        expiration_time=_time(match["expiration_time"]) if match["expiration_time"] else None,
        not_before=_time(match["not_before"]) if match["not_before"] else None,
        request_id=match["request_id"],
        resources=resources,
    )


def check(
    message: SiweMessage,
    *,
    domains: Collection[str],
    schemes: Collection[str],
    chain_ids: Collection[int],
    nonce: str,
    now: datetime,
) -> None:
    """Check the fields of a message; `nonce` is the one that was issued and not used yet.

    Raises SiweRefused with `data.reason` domain, scheme, uri, chain, nonce or time.
    """
    ours = {domain.lower() for domain in domains}
    if message.domain.lower() not in ours:
        raise SiweRefused("domain")
    if message.scheme is not None and message.scheme.lower() not in schemes:
        raise SiweRefused("scheme")
    page = urlsplit(message.uri)
    if page.netloc.lower() not in ours or page.scheme.lower() not in schemes:
        raise SiweRefused("uri")
    if message.chain_id not in chain_ids:
        raise SiweRefused("chain")
    if not secrets.compare_digest(message.nonce, nonce):
        raise SiweRefused("nonce")
    expired = message.expiration_time is not None and now >= message.expiration_time
    if expired or (message.not_before is not None and now < message.not_before):
        raise SiweRefused("time")


def verify_signature(
    message: SiweMessage, signature: str, contract_check: ContractCheck | None = None
) -> bool:
    """Check the signature. True if the address's key signed the message, False if its contract accepts the signature.

    The key is tried first (EIP-191), then the contract wallet through `contract_check` (EIP-1271), which must call
    the contract on the message's chain. Raises SiweRefused("signature") unless the message's address signed it,
    InvalidValue for a malformed signature.
    """
    from shared.keys.messages import message_digest, recover_message

    if not _HEX.fullmatch(signature) or len(signature) > 2 + 2 * MAX_SIGNATURE_BYTES:
        raise InvalidValue("signature", "must be 0x and an even number of hexadecimal digits")
    raw = bytes.fromhex(signature[2:])
    try:
        if recover_message(message.text, raw) == message.address:
            return True
    except InvalidValue:
        pass  # no key made this signature; a contract may still accept it
    if contract_check is None or not contract_check(message.address, message_digest(message.text), raw):
        raise SiweRefused("signature")
    return False


def _time(text: str) -> datetime:
    """An RFC 3339 date-time; digits beyond microseconds are dropped."""
    match = _TIME.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        date, clock, fraction, zone = match.groups()
        return datetime.fromisoformat(f"{date}T{clock}{(fraction or '.0')[:7].ljust(7, '0')}{zone.upper()}")
    except ValueError:
        raise _malformed("one of its times is not an RFC 3339 date-time") from None


def _malformed(problem: str) -> InvalidValue:
    return InvalidValue("message", problem)
