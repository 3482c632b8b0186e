"""An operator signs in from a shell: asked for what the account needs, and told in one sentence what is wrong."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator

import pytest

from shared import resources
from shared.ops import sign_in
from tests.support.authenticator import Authenticator
from tests.support.clock import TestClock
from tests.support.origins import product
from tests.support.people import PASSWORD, People
from tests.support.scripted_server import Answer, serving

Typed = Callable[..., list[str]]


@pytest.fixture
def api(people: People) -> Iterator[str]:
    """The product on its own port."""
    with product() as url:
        yield f"{url}/api/v1"


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Typed:
    """A person at the terminal, who types these; returns what they are asked for."""

    def of(*answers: str) -> list[str]:
        asked: list[str] = []
        left = iter(answers)

        def ask(prompt: str) -> str:
            asked.append(prompt)
            return next(left)

        monkeypatch.setattr(getpass, "getpass", ask)
        return asked

    return of


def test_a_password_alone_is_enough_without_a_second_factor(
    people: People, api: str, typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    person = people.register()
    asked = typed(PASSWORD)
    assert sign_in.main([api.removesuffix("/api/v1"), person.email]) == 0
    person.token = capsys.readouterr().out.strip()
    assert person.ok(200, "GET", "/auth/me")["id"] == person.id
    assert asked == ["Password: "]


def test_a_second_factor_is_asked_for(
    people: People, api: str, typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    person, clock = people.register(), TestClock()
    with resources.override(clock=clock):
        phone = Authenticator(person, clock)
        phone.prove()
        asked = typed(PASSWORD, phone.code())
        assert sign_in.main([api, person.email]) == 0
        person.token = capsys.readouterr().out.strip()
        assert person.ok(200, "GET", "/auth/me")["id"] == person.id
        assert len(asked) == 2
        typed(PASSWORD, "000000")
        assert sign_in.main([api, person.email]) == 1
    assert capsys.readouterr().err.startswith("ONE_TIME_CODE_INVALID: ")


def test_what_is_wrong_is_said_in_one_sentence(
    people: People, api: str, typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    person = people.register()
    with serving() as proxy:
        proxy.play(Answer(502, pieces=(b"<html>a proxy</html>",)))
        wrong = {
            api: "INVALID_CREDENTIALS: ",
            proxy.url: f"what answers at {proxy.url}/api/v1 is not the API",
            "http://127.0.0.1:1": "http://127.0.0.1:1/api/v1 does not answer",
        }
        for place, said in wrong.items():
            typed("wrong horse battery staple")
            assert sign_in.main([place, person.email]) == 1
            out, err = capsys.readouterr()
            assert err.startswith(said) and err.count("\n") == 1 and not out


def test_a_password_is_not_sent_unprotected(typed: Typed, capsys: pytest.CaptureFixture[str]) -> None:
    asked = typed()
    assert sign_in.main(["http://api.example.com/api/v1", "me@example.com"]) == 1
    assert "is not https" in capsys.readouterr().err and asked == []
