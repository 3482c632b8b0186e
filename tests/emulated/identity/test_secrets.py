"""Run everything that handles secrets: afterwards none of them is in rows, cache, messages or logs."""

from __future__ import annotations

import base64
import json
import logging
import secrets as random
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from shared import resources
from shared.identity import totp
from shared.keys import hd, mnemonic
from shared.store.session import Session
from shared.store.table import TABLES
from tests.emulated.conftest import Recorder
from tests.support.collected_telemetry import traced
from tests.support.inprocess import App
from tests.support.people import PASSWORD, People, Person
from tests.support.written_text import documents

PASSPHRASE = "a passphrase for the file"


def spellings(secret: str | bytes) -> Iterator[str]:
    """The possible spellings of a secret: raw, hex, base64, URL-encoded, escaped."""
    raw = secret.encode() if isinstance(secret, str) else secret
    if isinstance(secret, str):
        yield from (secret, quote(secret, safe=""), json.dumps(secret)[1:-1])
    yield from (raw.hex(), raw.hex().upper())
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(raw).decode().rstrip("=")


def used(person: Person, people: People) -> list[str | bytes]:
    """Do everything; returns the secrets that were sent and received."""
    key = random.token_bytes(32)
    made = person.ok(201, "POST", "/wallets", {"name": "one"})
    words, wallet = made["mnemonic"], made["wallet"]
    seed = mnemonic.to_seed(words)
    person.ok(201, "POST", f"/wallets/{wallet['id']}/accounts", {})
    imported = person.imported(key)
    person.ok(200, "POST", f"/wallets/{imported['id']}/sign-message", {"message": "hello"})
    bare = person.ok(200, "POST", f"/wallets/{wallet['id']}/export", {"format": "private_key"})["private_key"]
    person.ok(200, "POST", f"/wallets/{wallet['id']}/export", {"passphrase": PASSPHRASE})
    api_key = person.ok(201, "POST", "/auth/api-keys", {"name": "robot", "scopes": ["wallet:read"]})[
        "api_key"
    ]
    person.app.call("GET", "/wallets", headers={"x-api-key": api_key})
    uri = person.ok(201, "POST", "/auth/totp")["uri"]
    text = parse_qs(urlsplit(uri).query)["secret"][0]
    factor = base64.b32decode(text + "=" * (-len(text) % 8))
    step = int(resources.clock().now().timestamp()) // totp.STEP_SECONDS
    body = {"code": totp.code_at(factor, step)}
    codes = person.ok(200, "POST", "/auth/totp/verify", body)["recovery_codes"]
    answer = person.app.ok(200, "POST", "/auth/refresh", {"refresh_token": person.refresh_token})
    tool = person.ok(200, "POST", "/security/generate-key-pair", {})["private_key"]
    derived = hd.derive(seed, wallet["derivation_path"])
    found: list[str | bytes] = [key, words, seed, derived, bare[2:], api_key, text, factor, *codes, tool[2:]]
    return [*found, *person.secrets, answer["token"], answer["refresh_token"], PASSWORD, PASSPHRASE]


def rejected(app: App, person: Person) -> list[str | bytes]:
    """Check that refused requests are not stored either."""
    wrong = "quite the wrong password"
    app.call("POST", "/auth/login", {"email": person.email, "password": wrong})
    app.call("POST", "/auth/register", {"email": person.email, "password": f"{wrong} too"})
    bad = "ab" * 31 + "zz"
    person.call("POST", "/wallets/import", {"name": "x", "private_key": bad})
    person.call("POST", "/wallets/import", {"name": "x", "mnemonic": "these words are no mnemonic at all"})
    app.call("POST", "/auth/refresh", {"refresh_token": "wbr_ses_1." + "x" * 22 + "." + "y" * 43})
    return [wrong, bad, "these words are no mnemonic", "y" * 43]


def stored() -> Iterator[tuple[str, str]]:
    """(place, all its content)."""
    session = Session(resources.database().snapshot())
    for name, table in TABLES.items():
        for row in session.many(table.scan()):
            plain = asdict(row)
            texts = [value.hex() + base64.b64encode(value).decode() for value in _bytes(plain)]
            yield f"table {name}", json.dumps(plain, default=str) + " ".join(texts)


def _bytes(plain: dict[str, Any]) -> list[bytes]:
    return [value for value in plain.values() if isinstance(value, bytes)]


def test_no_secret_is_left_anywhere(
    people: People, app: App, published: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(
        logging.INFO, logger="google"
    )  # its DEBUG lines are whole requests; never on in the product
    person = people.register()
    with traced(1.0) as spans:
        secrets = used(person, people) + rejected(app, person)
    finished = [span.to_json() for span in spans.get_finished_spans()]
    assert finished
    places = [
        *stored(),
        *documents(),
        ("messages", json.dumps(published.sent)),
        ("spans", "\n".join(finished)),
    ]
    logs = caplog.text + "\n".join(json.dumps(vars(record), default=str) for record in caplog.records)
    assert len(places) > 20 and "served" in logs
    found = [
        (where, spelled)
        for secret in secrets
        for spelled in spellings(secret)
        for where, text in [*places, ("logs", logs)]
        if spelled in text
    ]
    assert found == []
    assert person.email not in logs
