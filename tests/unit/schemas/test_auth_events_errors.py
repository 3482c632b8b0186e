"""Sign-in requests hide their secrets; events and errors have one shape."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from schemas.auth import Login, Refresh, Register, Tokens, User
from schemas.errors import ErrorAnswer
from schemas.events import CloudEvent, ListEvents
from shared.domain import users
from shared.domain.errors import InvalidState, InvalidValue
from shared.triggers.reply import error_body
from tests.unit.domain.factories import NOW


def test_secrets_never_show_in_a_models_text() -> None:
    login = Login.model_validate({"email": "a@b.cd", "password": "correct horse"})
    tokens = Tokens(token="eyJtoken", refresh_token="rt_secret", expires_at=NOW)
    text = (
        repr(login) + str(login) + repr(tokens) + repr(Refresh.model_validate({"refresh_token": "rt_secret"}))
    )
    assert not any(secret in text for secret in ("correct", "eyJtoken", "rt_secret"))
    assert login.password.get_secret_value() == "correct horse"


@pytest.mark.parametrize("password", ["hunter2", "x" * 257, 12345678, None])
def test_a_new_password_has_8_to_256_characters(password: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        Register.model_validate({"email": "a@b.cd", "password": password})
    assert str(password) not in str(refused.value)


def test_an_account_is_shown_without_its_hash() -> None:
    user = users.register(user_id="usr_1", now=NOW, email="a@b.cd", password_hash="$argon2id$")
    shown = User.of(user).model_dump(mode="json")
    assert (shown["email"], shown["roles"], shown["tier"]) == ("a@b.cd", ["user"], "basic")
    assert "password_hash" not in shown


def test_a_refusal_has_the_contracts_shape() -> None:
    body = error_body(InvalidState(status="closed"), "req_1")
    assert body == {
        "code": "INVALID_STATE",
        "message": "The resource is closed: this state does not allow it.",
        "details": [],
        "data": {"status": "closed"},
        "request_id": "req_1",
        "doc_url": "/docs/errors.html#INVALID_STATE",
    }
    assert ErrorAnswer.model_validate({"error": body}).model_dump() == {"error": body}
    named = error_body(InvalidValue("amount", "must be more", known=["5"]), "req_1")
    assert named["message"] == "The request is not valid: amount must be more."
    assert (named["details"], named["data"]) == (
        [{"field": "amount", "message": "must be more"}],
        {"known": ["5"]},
    )


def test_an_event_reads_both_spellings_of_its_cause() -> None:
    event = {
        "id": "evt_1",
        "source": "wallet-backend/x",
        "type": "order.claimed",
        "subject": "ord_1",
        "time": "2030-01-01T12:00:00+00:00",
        "sequence": 2,
        "data": {"id": "ord_1"},
    }
    assert CloudEvent.model_validate(event).causation_id is None
    for name in ("causation_id", "causationid"):
        assert CloudEvent.model_validate(event | {name: "cmd_1"}).model_dump()["causation_id"] == "cmd_1"


def test_the_feed_is_asked_with_bounds() -> None:
    query = ListEvents.model_validate(
        {"wait": "2.5", "limit": "10", "types": "order.claimed,claim.processed"}
    )
    assert (query.wait, query.limit) == (2.5, 10)
    for wrong in (
        {"wait": "-1"},
        {"wait": "nan"},
        {"wait": "31"},
        {"limit": "0"},
    ):
        with pytest.raises(ValidationError):
            ListEvents.model_validate(wrong)
