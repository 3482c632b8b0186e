"""Rotate the keys of access tokens under a running product."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import jwt
import pytest

from shared import resources
from shared.identity.key_ring import load_key_ring
from shared.identity.token_file import TokenFile
from shared.keys.errors import SecretUnusable
from shared.ops import rotate_token_keys
from tests.support.inprocess import App
from tests.support.people import People, Person


def kid(person: Person) -> str:
    return str(jwt.get_unverified_header(person.token)["kid"])


def run(app: App, *arguments: str) -> int:
    return rotate_token_keys.main(arguments)


@pytest.fixture(autouse=True)
def ring(people: People, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point the commands to this test's key ring; they read the environment."""
    state = resources.settings().state_dir
    monkeypatch.setenv("STATE_DIR", state)
    return Path(state) / "token-keys.json"


def test_a_rotation_under_a_running_product(people: People, app: App, ring: Path) -> None:
    person = people.register()
    first = kid(person)
    assert run(app, "next") == 0
    published = {key["kid"] for key in app.ok(200, "GET", "//.well-known/jwks.json")["keys"]}
    (second,) = published - {first}
    old = person.token
    assert run(app, "activate", second) == 0
    people.sign_in(person)
    assert kid(person) == second
    for token in (old, person.token):
        assert app.call("GET", "/auth/me", headers={"authorization": f"Bearer {token}"}).status == 200
    assert run(app, "forget", second) == 1  # the signing key
    assert run(app, "forget", first) == 0
    assert app.call("GET", "/auth/me", headers={"authorization": f"Bearer {old}"}).status == 401
    assert person.ok(200, "GET", "/auth/me")["id"] == person.id
    assert [run(app), run(app, "activate", "x"), run(app, "show")] == [2, 1, 0]


def test_services_that_only_check_need_nothing_private(
    people: People, app: App, ring: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    person = people.register()
    capsys.readouterr()
    assert run(app, "public") == 0
    text = capsys.readouterr().out
    assert "PRIVATE" not in text and load_key_ring(ring).signing_key
    public = tmp_path / "public.json"
    public.write_text(text)
    chosen = replace(resources.settings(), token_keys_file=str(public))
    tokens = TokenFile(public, chosen.token_issuer, chosen.token_audience, create=False, owner_only=False)
    with resources.override(settings=chosen, tokens=tokens):
        assert person.ok(200, "GET", "/auth/me")["id"] == person.id
        with pytest.raises(SecretUnusable):
            _ = resources.tokens().ring.signing_key
        assert person.app.call("POST", "/auth/refresh", {"refresh_token": person.refresh_token}).status == 500
