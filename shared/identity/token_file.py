"""Access tokens signed by the key ring in a file; the file is read again when it is replaced."""

from __future__ import annotations

import logging
from pathlib import Path

from shared.identity.key_ring import load_key_ring
from shared.identity.tokens import AccessTokens
from shared.keys.errors import SecretUnusable
from shared.keys.secret_files import mark

_log = logging.getLogger(__name__)


class TokenFile:
    """The key ring file. `create` makes a missing ring (local runs only); `owner_only` refuses a file that other users
    can read."""

    def __init__(self, path: Path, issuer: str, audience: str, *, create: bool, owner_only: bool) -> None:
        self._path, self._issuer, self._audience = path, issuer, audience
        self._create, self._owner_only = create, owner_only
        self._tokens, self._mark = self._read(), mark(self._path)

    def current(self) -> AccessTokens:
        """The tokens of the current ring. If the file cannot be read, the last known ring stays in use."""
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
