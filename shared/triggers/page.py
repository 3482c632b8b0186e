"""Replies for browsers: a page or one of its files, with a security policy that loads nothing from other origins."""

from __future__ import annotations

from typing import Final

from shared.triggers.reply import Reply

# Forbids inline scripts and styles, other hosts, frames around the page, and forms to other hosts.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
)


# In addition, no text can become markup or a script, so foreign text on a page stays text.
TRUSTED_TYPES: Final = "; require-trusted-types-for 'script'; trusted-types 'none'"


def page(body: str, media: str, seconds: int, *, trusted_types: bool = False) -> Reply:
    """A reply with `body` as `text/<media>`, which caches may keep for `seconds`."""
    headers = {
        "Content-Type": f"text/{media}; charset=utf-8",
        "Cache-Control": f"public, max-age={seconds}",
        "Content-Security-Policy": POLICY + (TRUSTED_TYPES if trusted_types else ""),
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    return Reply(200, body, headers)
