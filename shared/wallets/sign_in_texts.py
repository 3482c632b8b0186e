"""Texts that ask to sign in (EIP-4361): a signature under one is a way into an account, not a message."""

from __future__ import annotations

from shared import resources
from shared.domain.errors import Refusal
from shared.domain.permissions import Caller
from shared.identity import siwe


class SignInTextRefused(Refusal):
    """`data.site` is whom the text asks to sign in to."""

    code, status = "SIGN_IN_TEXT_REFUSED", 422
    message = "This text would sign in: here for nobody, elsewhere for a person only."


def refuse(text: str, caller: Caller) -> None:
    """Raises SignInTextRefused for a text that would sign in here, whoever asks (their key could become a session that
    exports keys), and for one that would sign in elsewhere, unless a person asks."""
    site = siwe.asks_to_sign_in(text)
    if site is None:
        return
    ours = {_host(domain) for domain in resources.settings().siwe_domains}
    if _host(site) in ours or caller.kind in ("api_key", "command"):
        raise SignInTextRefused(None, site=site[:255])


def _host(authority: str) -> str:
    """Without user and port."""
    host = authority.lower().rpartition("@")[2]
    return host.partition("]")[0] if host.startswith("[") else host.partition(":")[0]
