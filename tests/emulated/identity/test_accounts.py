"""Registration, sign-in, and the requirements of a token."""

from __future__ import annotations

import pytest

from tests.emulated.conftest import Recorder
from tests.support.inprocess import App
from tests.support.people import PASSWORD, People


def test_registers_signs_in_and_says_who(people: People) -> None:
    person = people.register()
    me = person.ok(200, "GET", "/auth/me")
    assert me["id"] == person.id and me["email"] == person.email
    assert me["roles"] == ["user"] and me["tier"] == "basic" and me["version"] == 1
    assert "password" not in str(me)


def test_an_address_is_one_account_however_it_is_written(people: People, app: App) -> None:
    person = people.register()
    body = {"email": f" {person.email.upper()}", "password": "another fine passphrase"}
    assert app.ok(201, "POST", "/auth/register", body)["id"] != person.id
    assert app.call("POST", "/auth/login", body).code == "INVALID_CREDENTIALS"
    assert app.call("POST", "/auth/login", body | {"password": PASSWORD}).status == 200


@pytest.mark.parametrize(
    ("email", "password", "field"),
    [
        ("nobody", PASSWORD, "email"),
        ("a@example.com", "short", "password"),
        ("a@example.com", "password123", "password"),
        ("a@example.com", "aaaaaaaaaaaa", "password"),
        ("a@example.com", "a@example.com", "password"),
    ],
)
def test_refuses_to_register(people: People, app: App, email: str, password: str, field: str) -> None:
    answer = app.call("POST", "/auth/register", {"email": email, "password": password})
    assert (answer.status, answer.body["error"]["details"][0]["field"]) == (422, field)
    assert password not in answer.text.replace(email, "")


def test_wrong_password_and_unknown_address_get_one_answer(people: People, app: App) -> None:
    person = people.register()
    wrong = app.call("POST", "/auth/login", {"email": person.email, "password": "not the password"})
    unknown = app.call("POST", "/auth/login", {"email": "nobody@example.com", "password": PASSWORD})
    unreadable = app.call("POST", "/auth/login", {"email": "nobody", "password": PASSWORD})
    for answer in (wrong, unknown, unreadable):
        answer.body["error"].pop("request_id")
        assert answer.status == 401 and answer.body == wrong.body
    assert wrong.code == "INVALID_CREDENTIALS"


def test_publishes_only_the_request_for_its_mail_without_the_address(
    people: People, published: Recorder
) -> None:
    person = people.register()
    assert published.types == ["account.mail_requested"]
    assert person.email not in str(published.sent)
