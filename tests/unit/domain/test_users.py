"""Users: e-mail addresses, roles, and hidden password hashes."""

from __future__ import annotations

from email.utils import getaddresses
from typing import Any

import pytest

from shared.adapters import mail
from shared.domain import users
from shared.domain.errors import InvalidValue
from tests.unit.domain.factories import NOW


def user(**more: Any) -> users.User:
    return users.register(
        user_id="usr_1", now=NOW, email="a@example.com", password_hash="$argon2id$x", **more
    )


@pytest.mark.parametrize(
    "text", ["A@Example.COM", " a@example.com ", "\uff21@example.com", "a\uff20example.com"]
)
def test_an_address_is_compared_in_lower_case(text: str) -> None:
    assert users.normal_email(text) == "a@example.com"


def test_two_spellings_of_a_letter_are_one_address() -> None:
    assert users.normal_email("jos\u00e9@b.cd") == users.normal_email("jose\u0301@b.cd") == "jos\u00e9@b.cd"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a@",
        "@b.c",
        "a@b",
        "a b@c.de",
        "a@b..c",
        "a@b.c\n.",
        "a" * 65 + "@b.cd",
        "x,a@b.cd",
        "x;a@b.cd",
        "x:a;@b.cd",
        "<a>@b.cd",
        '"a"@b.cd',
        "a(b)@b.cd",
        "a\u202eb@b.cd",
        "a\\@b.cd",
        "=?x?q?a?=@b.cd",  # a mail library sends it to a@b.cd
        "=?utf-8?q?a=40evil.org=2c?=@b.cd",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        users.normal_email(text)
    with pytest.raises(InvalidValue):
        users.normal_email("a@" + "b" * 260 + ".cd")


@pytest.mark.parametrize(
    "text", ["a@b.cd", "a+b=c?d@b.cd", "o'neil@b.cd", "a%c.de@b.cd", "a!b/c@b.cd", "ü@b.cd"]
)
def test_a_mail_goes_to_exactly_this_address(text: str) -> None:
    address = users.normal_email(text)
    message = mail._message("from@b.cd", address, "subject", "text")
    assert [one for _, one in getaddresses([message["To"]])] == [address]


def test_a_new_user_is_basic_and_its_hash_stays_hidden() -> None:
    new = user()
    assert (new.roles, new.tier, new.disabled, new.version) == (("user",), "basic", False, 1)
    assert "argon2id" not in repr(new)


def test_changes_are_versions_and_nothing_is_none() -> None:
    old = user()
    new = users.change(old, NOW, roles=["operator", "user"], tier="premium", disabled=True, password_hash="y")
    assert (new.roles, new.tier, new.disabled, new.password_hash) == (
        ("operator", "user"),
        "premium",
        True,
        "y",
    )
    assert new.version == 2
    assert users.change(old, NOW, roles=["user"], disabled=False) is old


@pytest.mark.parametrize("wrong", [{"roles": []}, {"roles": ["root"]}, {"tier": "gold"}])
def test_unknown_roles_and_tiers_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        user(**wrong)
    with pytest.raises(InvalidValue):
        users.change(user(), NOW, **wrong)


def test_a_user_signs_in_with_something() -> None:
    with pytest.raises(InvalidValue):
        users.register(user_id="usr_1", now=NOW)
    assert users.register(user_id="usr_1", now=NOW, address="0xA").email is None
