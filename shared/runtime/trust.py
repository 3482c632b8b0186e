"""The trust of an operation, derived from its declaration alone. Operations of one trust share a service, its account
and its rights, and no others get those.

    public_reads      what people read
    public_writes     what people change
    identity          signs access tokens, sends mails; never opens a wallet's key
    keys              opens secrets for a person who waits for the answer
    keys_and_tokens   both: opens a secret to decide whether to sign a token
    engine            opens keys to sign transactions; people cannot reach it
    events            messages and timers, which open nothing
    webhooks          calls servers that users name; opens the keys that sign deliveries, but no wallet's key
    streams           answers that stay open for minutes
"""

from __future__ import annotations

from collections.abc import Set

TRUSTS = (
    *("public_reads", "public_writes", "identity", "keys", "keys_and_tokens"),
    *("engine", "events", "webhooks", "streams"),
)
_OPENS = "signer"
_SIGNS_IN = "issuer"
_UNEXPOSED = {_OPENS: "engine", "webhooks": "webhooks"}  # by need, for operations that people cannot reach
_KNOWS_PEOPLE = {_SIGNS_IN, "mail"}


def of(needs: Set[str], *, exposed: bool, writes: bool, streams: bool) -> str:
    """The trust of an operation. `exposed`: people can call it; `streams`: its answer stays open."""
    if not exposed:
        return _UNEXPOSED.get(next(iter(needs & _UNEXPOSED.keys()), ""), "events")
    if _OPENS in needs:
        return "keys_and_tokens" if _SIGNS_IN in needs else "keys"
    if needs & _KNOWS_PEOPLE:
        return "identity"
    if streams:
        return "streams"
    return "public_writes" if writes else "public_reads"
