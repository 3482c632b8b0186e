"""Remember every secret that a client sends or receives, and search for all of them in written data."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus

from tests.support.written_text import Eavesdropper

SECRET_FIELDS = frozenset({"password", "private_key", "mnemonic", "token", "refresh_token", "passphrase"})


@dataclass
class Secrets:
    """The secrets, by kind."""

    known: dict[str, set[str]] = field(default_factory=dict)
    ears: Eavesdropper = field(default_factory=Eavesdropper)

    def add(self, what: str, value: str) -> None:
        if value:
            self.known.setdefault(what, set()).add(value)

    def note(self, document: Any) -> None:
        """Record every secret field of a JSON document, at any depth."""
        if isinstance(document, dict):
            for name, value in document.items():
                if name in SECRET_FIELDS and isinstance(value, str):
                    self.add(name, value)
                self.note(value)
        elif isinstance(document, list):
            for value in document:
                self.note(value)

    def leaks(self, text: str) -> list[str]:
        """Return the kinds of secrets that the text contains, with their spelling; never the secret itself."""
        lower = text.lower()
        return [
            f"{what} as {spelling}"
            for what, values in sorted(self.known.items())
            for value in values
            for spelling, written in spellings(value)
            if written in (lower if spelling.startswith("hex") else text)
        ]


def spellings(value: str) -> Iterator[tuple[str, str]]:
    """The possible spellings of a secret."""
    yield "it is", value
    yield "JSON", value.replace('"', '\\"')
    yield "URL", quote(value, safe="")
    yield "form", quote_plus(value)
    yield "repr of bytes", repr(value.encode())[2:-1]
    yield from _binary("", value.encode())
    bare = value.removeprefix("0x")
    if len(bare) >= 64 and all(digit in "0123456789abcdefABCDEF" for digit in bare):
        yield "hex digits", bare.lower()
        yield "decimal", str(int(bare, 16))
        yield from _binary(" of the bytes", bytes.fromhex(bare))


def _binary(of: str, data: bytes) -> Iterator[tuple[str, str]]:
    yield f"hex{of}", data.hex()
    for offset in range(3):  # base64 depends on the secret's position in a longer text
        padded = b"\0" * offset + data
        for name, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
            start = -(-offset * 8 // 6)
            end = len(padded) * 8 // 6
            yield f"{name}{of}", encode(padded).decode()[start:end]
