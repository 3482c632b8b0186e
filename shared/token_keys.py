"""Rotate the keys that sign access tokens, without anybody noticing:

    python -m shared.token_keys show                 the keys and which one signs
    python -m shared.token_keys next                 publish a further key; then wait 5 minutes (caches of the JWKS)
    python -m shared.token_keys activate <kid>       sign with it; then wait 15 minutes (tokens of the old key)
    python -m shared.token_keys forget <kid>         drop the old key
    python -m shared.token_keys public               the ring for services that only check tokens (not secret)

The ring is TOKEN_KEYS_FILE (locally: token-keys.json in the state directory). Running processes read it again when it
changes. In production the file is a version of a secret: run this on a copy and add the result as a new version.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from shared.identity.key_ring import KeyRing, load_key_ring, save_key_ring
from shared.identity.tokens import AccessTokens
from shared.keys.errors import SecretUnusable
from shared.keys.files import mark
from shared.settings import Settings, load

_log = logging.getLogger(__name__)


def path_of(settings: Settings) -> Path:
    """Where the deployment's ring is."""
    return Path(settings.token_keys_file or f"{settings.state_dir}/token-keys.json")


class TokenFile:
    """Access tokens by the ring in a file, read again when the file is replaced."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._path = path_of(settings)
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
        chosen = self._settings
        ring = load_key_ring(self._path, create=chosen.local, owner_only=not chosen.token_keys_file)
        return AccessTokens(ring, chosen.token_issuer, chosen.token_audience)


def stepped(ring: KeyRing, step: str, kid: str | None) -> KeyRing:
    """The ring after one step. Raises SecretUnusable for a step that would lose what is needed, ValueError."""
    if step == "next" and kid is None:
        return ring.with_next()
    if kid is None or kid not in ring.keys or step not in ("activate", "forget"):
        raise ValueError(f"there is no such step or key: {step} {kid or ''}")
    return ring.activated(kid) if step == "activate" else ring.without(kid)


def main(arguments: Sequence[str]) -> int:
    if not arguments or len(arguments) > 2:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    settings = load()
    path = path_of(settings)
    try:
        ring = load_key_ring(path, create=settings.local, owner_only=not settings.token_keys_file)
        if arguments[0] == "public":
            sys.stdout.write(ring.verifying().to_text())
            return 0
        if arguments[0] != "show":
            ring = stepped(ring, arguments[0], arguments[1] if len(arguments) > 1 else None)
            save_key_ring(path, ring)
    except (SecretUnusable, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for kid, key in ring.keys.items():
        state = "signs" if kid == ring.active else "verifies" if key.private is None else "ready"
        sys.stdout.write(f"{kid}  {state}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
