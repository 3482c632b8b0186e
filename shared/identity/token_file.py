"""Access tokens by the key ring in a file, read again when the file is replaced."""

from __future__ import annotations

import logging
from pathlib import Path

from shared.identity.key_ring import load_key_ring
from shared.identity.tokens import AccessTokens
from shared.keys.errors import SecretUnusable
from shared.keys.secret_files import mark

_log = logging.getLogger(__name__)


class TokenFile:
    """`create` makes a missing ring (local runs only); `owner_only` insists that nobody else may read the file."""

    def __init__(self, path: Path, issuer: str, audience: str, *, create: bool, owner_only: bool) -> None:
        self._path, self._issuer, self._audience = path, issuer, audience
        self._create, self._owner_only = create, owner_only
        self._tokens, self._mark = self._read(), mark(self._path)

    def current(self) -> AccessTokens:
        """By the ring as it is now. A file that cannot be read leaves the ring that is known."""
        seen = mark(self._path)
        if seen != self._mark:
            try:
                self._tokens = self._read()
            except SecretUnusable as error:
                _log.error("the token keys changed and cannot be read", extra={"problem": str(error)})
            self._mark = seen
        return self._tokens

    def _read(self) -> AccessTokens:
        ring = load_key_ring(self._path, create=self._create, owner_only=self._owner_only)
        return AccessTokens(ring, self._issuer, self._audience)
