"""Strict check whether a text is a URI or its authority (RFC 3986), for text that people are asked to sign."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv6Address

UNRESERVED = r"A-Za-z0-9\-._~"
SUB_DELIMS = r"!$&'()*+,;="
RESERVED = rf":/?#\[\]@{SUB_DELIMS}"
PERCENT = r"%[0-9A-Fa-f]{2}"
PCHAR = rf"(?:[{UNRESERVED}{SUB_DELIMS}:@]|{PERCENT})"

_AUTHORITY = re.compile(
    rf"(?:(?:[{UNRESERVED}{SUB_DELIMS}:]|{PERCENT})*@)?"  # userinfo
    rf"(?:\[(?P<literal>[^\]]*)\]|(?P<name>(?:[{UNRESERVED}{SUB_DELIMS}]|{PERCENT})*))"
    r"(?::[0-9]*)?"
)
_FUTURE = re.compile(rf"v[0-9A-Fa-f]+\.[{UNRESERVED}{SUB_DELIMS}:]+")
_URI = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*:"
    rf"(?://(?P<authority>[^/?#]*)(?:/{PCHAR}*)*"  # with an authority the path is empty or absolute
    rf"|/(?:{PCHAR}+(?:/{PCHAR}*)*)?"
    rf"|{PCHAR}+(?:/{PCHAR}*)*"
    r"|)"
    rf"(?:\?(?:{PCHAR}|[/?])*)?"
    rf"(?:#(?:{PCHAR}|[/?])*)?"
)


def is_authority(text: str) -> bool:
    """Whether the text is [userinfo@]host[:port] with a non-empty host."""
    match = _AUTHORITY.fullmatch(text)
    return match is not None and _is_host(match) and bool(match["literal"] or match["name"])


def is_uri(text: str) -> bool:
    """Whether the text is scheme:hierarchy[?query][#fragment]."""
    match = _URI.fullmatch(text)
    if match is None:
        return False
    if match["authority"] is None:
        return True
    authority = _AUTHORITY.fullmatch(match["authority"])
    return authority is not None and _is_host(authority)


def _is_host(authority: re.Match[str]) -> bool:
    """Whether the host is valid: in brackets only an IPv6 address or a future literal."""
    literal = authority["literal"]
    if literal is None or _FUTURE.fullmatch(literal):
        return True
    try:
        IPv6Address(literal)
    except AddressValueError:
        return False
    return "%" not in literal  # zone identifiers are not RFC 3986
