"""Rotate the keys that sign access tokens, without interrupting any user: `python -m shared.ops.rotate_token_keys
STEP`.

    show              list the keys and the one that signs
    next              publish a new key; then wait 5 minutes (caches of the JWKS)
    activate <kid>    sign with it; then wait 15 minutes (tokens of the old key)
    forget <kid>      delete the old key
    public            print the ring for services that only verify tokens (not secret)

The ring is TOKEN_KEYS_FILE (locally: token-keys.json in the state directory). Running processes read it again when it
changes. In production the file is a version of a secret: run this on a copy and add the result as a new version.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from shared.identity.key_ring import KeyRing, load_key_ring, save_key_ring
from shared.keys.errors import SecretUnusable
from shared.ops import command_line
from shared.settings import load


def stepped(ring: KeyRing, step: str, kid: str | None) -> KeyRing:
    """The ring after one step. Raises SecretUnusable for a step that would delete a key that is still needed,
    ValueError."""
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
    path = settings.token_keys_path
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
    sys.exit(command_line.run(main, "TOKEN_KEYS_FILE", "STATE_DIR"))
