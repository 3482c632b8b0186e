"""Passwords: argon2id (RFC 9106) and the rules of NIST SP 800-63B §3.1.1.2, a length and a block list.

All Unicode characters are allowed; there are no composition rules and no expiry. Passwords are compared after NFKC, so
that the same password typed on two keyboards is equal. `breached.txt` is made from a public list of the 20,000 most
common passwords, in lower case, without those under eight characters. It holds the first ten hex digits of the SHA-256
of each. To extend it, add such lines and sort the file.
"""

from __future__ import annotations

import hashlib
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from shared.domain.errors import InvalidValue
from shared.identity.errors import IdentityBusy
from shared.keys.work_slots import WorkSlots

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MIN_LENGTH, MAX_LENGTH = 8, 128  # characters after NFKC


@dataclass(frozen=True)
class Passwords:
    """Hashes and verifies passwords. The default cost is OWASP's first choice: 19 MiB, two passes, about 25 ms.

    At most `parallel` computations run at once in an instance. Others wait up to `wait` seconds and then raise
    IdentityBusy (503), because a burst of sign-ins would otherwise exhaust the instance's memory.
    """

    passes: int = 2
    memory_kib: int = 19_456
    parallel: int = 2
    wait: float = 5.0

    def hash(self, password: str) -> str:
        """The encoded argon2id hash (PHC text with a random salt). Raises IdentityBusy.

        Call `refuse_weak` first for a new password.
        """
        with self._slots:
            return self._hasher.hash(normalised(password))

    def verify(self, password: str, stored: str | None) -> bool:
        """Whether `stored` is the hash of `password`. Without `stored` (no such user) it takes the same time.

        The same holds for a password that could never have been stored. Raises IdentityBusy.
        """
        from argon2.exceptions import VerifyMismatchError

        try:
            text = normalised(password)
            possible = stored is not None and len(text) <= MAX_LENGTH
        except InvalidValue:
            text, possible = "", False
        with self._slots:
            try:
                self._hasher.verify(stored if possible and stored else self._nobody, text[:MAX_LENGTH])
            except VerifyMismatchError:
                return False
        return possible

    @cached_property
    def _hasher(self) -> PasswordHasher:
        from argon2 import PasswordHasher

        return PasswordHasher(time_cost=self.passes, memory_cost=self.memory_kib, parallelism=1)

    @cached_property
    def _nobody(self) -> str:
        """A hash at this cost that belongs to nobody."""
        return self._hasher.hash("nobody's password", salt=bytes(16))

    @cached_property
    def _slots(self) -> WorkSlots:
        return WorkSlots(self.parallel, self.wait, IdentityBusy)


def normalised(password: str) -> str:
    """NFKC, as 800-63B advises. Raises InvalidValue for text that is not Unicode (lone surrogates)."""
    try:
        password.encode()
    except UnicodeEncodeError:
        raise InvalidValue("password", "must be Unicode text") from None
    return unicodedata.normalize("NFKC", password)


def refuse_weak(password: str, context: Iterable[str] = (), field_name: str = "password") -> None:
    """Raises InvalidValue if `password` is too weak for an account.

    `context` holds texts that it must not equal: the e-mail address, the service's name.
    """
    text = normalised(password)
    if not MIN_LENGTH <= len(text) <= MAX_LENGTH:
        raise InvalidValue(field_name, f"must have {MIN_LENGTH} to {MAX_LENGTH} characters")
    plain = text.casefold()
    if is_breached(plain):
        raise InvalidValue(field_name, "is one of the most common passwords")
    if _repeats(plain) or _runs(plain):
        raise InvalidValue(field_name, "is a repetition or a run of characters")
    words = {word.casefold() for name in context for word in (name, name.partition("@")[0]) if word}
    if plain in words:
        raise InvalidValue(field_name, "is the e-mail address or the service's name")


def is_breached(password: str) -> bool:
    """Whether the list of common passwords contains the lower-case form."""
    name = hashlib.sha256(password.lower().encode()).hexdigest()[:10]
    names = _breached()
    place = bisect_left(names, name)
    return place < len(names) and names[place] == name


def _repeats(text: str) -> bool:
    """Whether the text only repeats a sequence of one to four characters."""
    return any(text == (text[:size] * len(text))[: len(text)] for size in range(1, 5))


def _runs(text: str) -> bool:
    """Whether each character is one above (or each is one below) the previous one: 12345678, hgfedcba."""
    steps = {ord(after) - ord(before) for before, after in pairwise(text)}
    return steps in ({1}, {-1})


@cache
def _breached() -> list[str]:
    return (Path(__file__).parent / "breached.txt").read_text("ascii").split()
