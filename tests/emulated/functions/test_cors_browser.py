"""A page on another port calls the API from a real browser: only if CORS_ORIGINS contains its origin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from shared import resources
from tests.support import browser
from tests.support.inprocess import App
from tests.support.origins import origin, product
from tests.support.people import People

pytestmark = browser.needed
# A typical front end: a request with headers that need a preflight, and it reads the answer's headers.
CALL = """async ([url, token]) => {
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json", "Idempotency-Key": "one" };
  const body = JSON.stringify({ name: "till" });
  try {
    const answer = await fetch(`${url}/api/v1/wallets`, { method: "POST", headers, body });
    const { wallet } = await answer.json();
    return [answer.status, wallet.name, answer.headers.get("Location") !== null];
  } catch (error) {
    return [error.name];
  }
}"""


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>A front end</title>")

    def log_message(self, *args: Any) -> None: ...


@pytest.fixture
def api(app: App) -> Iterator[str]:
    with product() as url:
        yield url


@pytest.fixture
def front() -> Iterator[str]:
    with origin(ThreadingHTTPServer(("127.0.0.1", 0), _Page)) as url:
        yield url


def test_only_pages_of_named_origins_may_call(app: App, api: str, front: str) -> None:
    person = People(app).register()
    port = front.rpartition(":")[2]
    with browser.browser() as found:
        tab = found.new_page()
        tab.goto(front)
        for origins, answered in (
            ((), ["TypeError"]),
            (("https://app.example.com", f"http://127.0.0.1:{port}"), ["TypeError"]),
            ((front,), [201, "till", True]),
            (("http://localhost:*",), [201, "till", True]),  # the same key: the first answer again
        ):
            chosen = replace(resources.settings(), cors_origins=origins)
            with resources.override(settings=chosen):
                assert tab.evaluate(CALL, [api, person.token]) == answered, origins
    assert len(app.ok(200, "GET", "/wallets", user=person.id)["items"]) == 1
