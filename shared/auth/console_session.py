"""The console's sign-in: its refresh token is in a cookie that no script can read and only the console's page can use.

The browser never sends the cookie from another site (`SameSite=Strict`). Outside of local runs it accepts the cookie
from this very host only (`__Host-`): no neighbouring host, such as another subdomain, can put a cookie with its own
sign-in in its place. Each route that uses the cookie also checks the request's origin as the browser reports it,
because another port of the same host is another origin."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from typing import Final

from shared import resources
from shared.auth import sign_in
from shared.identity import refresh_tokens
from shared.identity.errors import InvalidRefreshToken
from shared.identity.tokens import SignedIn
from shared.runtime.context import current
from shared.runtime.errors import Forbidden

PATH: Final = "/console/session"
NAME: Final = "console_session"


def require_own_page() -> None:
    """Raises Forbidden unless a page of this origin sent the request in a browser."""
    browser = current().request.browser
    same = browser.fetch_site in ("", "same-origin") and bool(browser.host)
    if not same or browser.origin.partition("://")[2] != browser.host:
        raise Forbidden("Only the console's own page may do this.")


def opened(refresh_token: str) -> SignedIn:
    """Move the sign-in into the cookie. The refresh is what makes the token invalid that a script has seen.

    Raises InvalidRefreshToken."""
    return _kept(sign_in.refreshed(refresh_token))


def refreshed() -> SignedIn:
    """Issue a new access token for the cookie, and replace the cookie.

    Raises InvalidRefreshToken if there is no valid cookie, and deletes it."""
    token = _cookie()
    try:
        if token is None:
            raise InvalidRefreshToken
        return _kept(sign_in.refreshed(token))
    except InvalidRefreshToken:
        closed()
        raise


def closed() -> None:
    """Delete the cookie in the browser."""
    _set("", 0)


def _kept(signed_in: SignedIn) -> SignedIn:
    _set(signed_in.refresh_token, int(refresh_tokens.LIFETIME.total_seconds()))
    return signed_in


def _set(value: str, seconds: int) -> None:
    local = resources.settings().local
    place = f"Path={PATH}" if local else "Path=/; Secure"  # as `__Host-` requires
    cookie = f"{_name()}={value}; {place}; Max-Age={seconds}; HttpOnly; SameSite=Strict"
    current().answer.headers["Set-Cookie"] = cookie


def _name() -> str:
    """The cookie's name; browsers accept `__Host-` by https only, so local runs do without."""
    return NAME if resources.settings().local else f"__Host-{NAME}"


def _cookie() -> str | None:
    try:
        found = SimpleCookie(current().request.browser.cookie).get(_name())
    except CookieError:
        return None
    return found.value if found is not None and found.value else None
