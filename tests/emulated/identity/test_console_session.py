"""The console's cookie: a token that a script has seen becomes invalid, and only the console's own page may use the
cookie."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared import resources
from tests.support.inprocess import Answer, App
from tests.support.people import People

HOME = {"host": "wallet.example", "origin": "https://wallet.example", "sec-fetch-site": "same-origin"}


def cookie(answer: Answer) -> str:
    """The cookie that an answer sets, without its attributes."""
    text = answer.headers["Set-Cookie"]
    assert "HttpOnly" in text and "SameSite=Strict" in text and "Path=/console/session" in text
    return text.partition(";")[0]


def opened(app: App, people: People) -> tuple[str, str]:
    """The cookie, and the page's earlier refresh token."""
    person = people.register()
    answer = app.call(
        "POST", "//console/session/open", {"refresh_token": person.refresh_token}, headers=HOME, key=None
    )
    assert answer.status == 200 and set(answer.body) == {"token", "expires_at"}, answer.text
    assert app.ok(200, "GET", "/auth/me", headers={"authorization": f"Bearer {answer.body['token']}"})
    return cookie(answer), person.refresh_token


def refreshed(app: App, held: str, **headers: str) -> Answer:
    return app.call(
        "POST", "//console/session/refresh", headers={**HOME, "cookie": held, **headers}, key=None
    )


def test_the_cookie_goes_on_and_changes_each_time(app: App, people: People) -> None:
    held, _ = opened(app, people)
    answer = refreshed(app, f"other=1; {held}")
    assert answer.status == 200 and "refresh_token" not in answer.text
    assert cookie(answer) != held
    assert refreshed(app, cookie(answer)).status == 200


def test_in_production_no_other_host_can_put_its_sign_in_in_place_of_the_cookie(
    app: App, people: People
) -> None:
    """A neighbouring subdomain can set cookies for all of them, but none with the prefix `__Host-`."""
    person, attacker = people.register(), people.register()
    with resources.override(settings=replace(resources.settings(), environment="prod")):
        body = {"refresh_token": person.refresh_token}
        answer = app.call("POST", "//console/session/open", body, headers=HOME, key=None)
        made, *attributes = answer.headers["Set-Cookie"].split("; ")
        assert made.startswith("__Host-console_session=wbr_")
        assert {"Path=/", "Secure", "HttpOnly", "SameSite=Strict"} <= set(attributes)
        assert not any(one.startswith("Domain") for one in attributes)
        planted = f"console_session={attacker.refresh_token}"
        assert refreshed(app, planted).status == 401
        followed = refreshed(app, f"{made}; {planted}")
        assert followed.status == 200
        bearer = {"authorization": f"Bearer {followed.body['token']}"}
        assert app.ok(200, "GET", "/auth/me", headers=bearer)["id"] == person.id


def test_what_the_page_had_is_void_and_ends_the_sign_in(app: App, people: People) -> None:
    held, seen = opened(app, people)
    stolen = app.call("POST", "/auth/refresh", {"refresh_token": seen}, key=None)
    assert (stolen.status, stolen.code) == (401, "REFRESH_TOKEN_REUSED")
    answer = refreshed(app, held)
    assert answer.status == 401 and "Max-Age=0" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "https://wallet.example:444"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://["},
        {"origin": "https://[::1"},
        {"origin": "null", "host": ""},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site"},
    ],
)
def test_no_other_page_may_use_it(app: App, people: People, headers: dict[str, str]) -> None:
    held, _ = opened(app, people)
    answer = refreshed(app, held, **headers)
    assert (answer.status, answer.code) == (403, "FORBIDDEN") and "Set-Cookie" not in answer.headers
    for action in ("open", "close"):
        body = {"refresh_token": "x"} if action == "open" else None
        refused = app.call(
            "POST", f"//console/session/{action}", body, headers={**HOME, "cookie": held, **headers}, key=None
        )
        assert refused.status == 403 and "Set-Cookie" not in refused.headers
    assert refreshed(app, held).status == 200


@pytest.mark.parametrize(
    "held", ["", "console_session=", "console_session=x", "a=b; ;;=", "console_session=wbr_a.b.c"]
)
def test_a_cookie_that_does_not_count_is_deleted(app: App, held: str) -> None:
    answer = refreshed(app, held)
    assert answer.status == 401 and "Max-Age=0" in answer.headers["Set-Cookie"]


def test_closing_lets_the_browser_forget(app: App, people: People) -> None:
    held, _ = opened(app, people)
    answer = app.call("POST", "//console/session/close", headers={**HOME, "cookie": held}, key=None)
    assert answer.status == 204 and "Max-Age=0" in answer.headers["Set-Cookie"]
