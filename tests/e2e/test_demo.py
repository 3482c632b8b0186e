"""Run `make demo` as a user does, and check its summary and that its written data contains no secret."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from emulators import demo
from emulators.client import Api
from emulators.leftovers import Leftovers
from emulators.product import Product
from emulators.toolkit import ROOT
from shared.store.session import Session
from shared.store.spanner.database import connect
from shared.store.tables.transactions import ATTEMPTS
from tests.e2e.job import FundedAccount, Node
from tests.e2e.secrets_seen import Secrets, spellings
from tests.support.written_text import Collector, Eavesdropper, columns, documents

CLAIMERS = 50


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> Secrets:
    """The secrets that the demo's clients send and receive, and the token of pushes."""
    seen = Secrets()
    call, migrate = Api.call, Product.migrate

    def listening(self: Api, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        seen.note(body)
        answer = call(self, method, path, body, **more)
        seen.note(answer.json() if answer.content else None)
        return answer

    def migrating(self: Product) -> None:
        seen.add("push token", self.env["PUSH_TOKEN"])
        migrate(self)
        seen.ears = Eavesdropper.listening()

    monkeypatch.setattr(Api, "call", listening)
    monkeypatch.setattr(Product, "migrate", migrating)
    return seen


@pytest.mark.emulators
def test_an_order_is_claimed_once_by_fifty_and_paid_and_no_secret_is_written(
    own_world: Mapping[str, str],
    secrets: Secrets,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    account = FundedAccount.funded(
        Node(os.environ["RPC_URL"])
    )  # other tests use the node's own accounts at the same time
    monkeypatch.setattr(demo, "DEV_KEY", account.key)
    monkeypatch.setattr(demo, "DEV_ADDRESS", account.address)

    monkeypatch.setattr(demo, "toolkit", SimpleNamespace(ROOT=tmp_path))
    monkeypatch.setattr(  # its logs are read below
        demo, "leftovers", SimpleNamespace(removed=lambda _: nullcontext(Leftovers()))
    )

    with Collector.listening() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.port}")
        monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "1")
        assert demo.main(["--claimers", str(CLAIMERS)]) == 0

    printed, errors = capfd.readouterr()
    _check(json.loads(printed.splitlines()[-1]))
    for attempt in _attempts():
        secrets.add("signed transaction", "0x" + attempt.raw.hex())
    _everything_was_heard(secrets)
    written = {"what the demo printed": printed + errors}
    folders = [tmp_path, *(ROOT / ".run" / f"tests-{pid}" for pid in (os.getpid(), os.getppid()))]
    for log in (log for folder in folders for log in folder.rglob("*.log")):
        written[log.name] = log.read_text(errors="replace")
    assert '"severity"' in written["gateway.log"]
    written["spans"] = "\n".join(collector.texts("/v1/traces"))
    written["metrics"] = "\n".join(collector.texts("/v1/metrics"))
    assert {name: found for name, text in written.items() if (found := secrets.leaks(text))} == {}
    assert "claim_order" in written["spans"]
    for name in ("gateway.log", "spans", "metrics"):
        assert "@example.com" not in written[name]
    _nothing_is_stored(secrets)


def _nothing_is_stored(secrets: Secrets) -> None:
    """Check that signed bytes are stored in one place only, and no other secret in any column, document or message."""
    stored = dict(columns())
    assert len(stored) > 200 and secrets.leaks(stored.pop("attempts.raw"))
    cached = dict(documents())
    heard = list(secrets.ears.messages())
    assert cached and {"claim.processed", "transaction.confirmed"} <= {kind(message) for _, message in heard}
    places = [*stored.items(), *cached.items(), *heard]
    assert [(where, found) for where, text in places if (found := secrets.leaks(text))] == []


def kind(message: str) -> str:
    return str(json.JSONDecoder().raw_decode(message)[0]["type"])


def _check(summary: dict[str, Any]) -> None:
    payout = 2 * 25 * 10**16 + 4 * 10**17 + 3 * 5 * 10**16
    assert summary["demo"] == "ok" and summary["order_status"] == "completed"
    assert (summary["claimers"], summary["winners"], summary["conflicts"]) == (CLAIMERS, 1, CLAIMERS - 1)
    assert re.fullmatch(r"0x[0-9a-f]{64}", summary["settlement_tx"]) and summary["block"] > 0
    assert summary["supply"] == {"amount": "2", "available": "0.95", "reserved": "0", "settled": "1.05"}
    assert summary["payout_wei"] == summary["recipient_delta_wei"] == str(payout)
    assert summary["seconds"] > 0
    tokens = summary["tokens"]  # this repository's own set-up has the compiler
    assert (tokens["amount"], tokens["recipient_delta"]) == ("12.34568", "12345680")
    assert tokens["supply"] == {"available": "87.65432", "reserved": "0", "settled": "12.34568"}


def _attempts() -> list[Any]:
    database = connect(
        *(os.environ[name] for name in ("GOOGLE_CLOUD_PROJECT", "SPANNER_INSTANCE", "SPANNER_DATABASE"))
    )
    found = Session(database.snapshot()).many(ATTEMPTS.scan())
    assert len(found) == 2 and all(one.hash for one in found)
    return found


def _everything_was_heard(secrets: Secrets) -> None:
    """Check the search itself: it knows all secrets of the run and finds each in every spelling."""
    count = {what: len(values) for what, values in secrets.known.items()}
    assert count == {
        "password": 1,
        "private_key": 1,
        "token": CLAIMERS + 1,
        "refresh_token": CLAIMERS + 1,
        "mnemonic": CLAIMERS,
        "push token": 1,
        "signed transaction": 2,  # one for each act
    }
    for what, values in secrets.known.items():
        for spelling, written in spellings(next(iter(values))):
            assert f"{what} as {spelling}" in secrets.leaks(f"before {written} after")
