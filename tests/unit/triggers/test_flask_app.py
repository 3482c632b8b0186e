"""A body without a declared length is read to the limit, no further: its sender may never end it. Every path reaches
the app, even a path without a rule in functions-framework."""

from __future__ import annotations

import io
import json
import logging
import socket
import time
from dataclasses import replace
from typing import Any

import pytest
from flask import Request

from emulators.toolkit import ROOT
from shared import resources
from shared.runtime.operation import BODY_WITH_ABI, MAX_BODY
from shared.settings import load
from shared.telemetry import logs
from shared.triggers import body_limits, flask_app
from shared.triggers.body_deadline import BodyDeadlines


class Endless:
    """The server's input for a request sent in chunks."""

    def read(self, size: int = -1) -> bytes:
        assert size >= 0, "read to an end that never comes"
        return b" " * size


def body_read(path: str, **more: Any) -> int:
    """The number of bytes that are read of a body without an end."""
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "wsgi.input": Endless(),
        "wsgi.input_terminated": True,
    }
    environ |= {"wsgi.url_scheme": "http", "SERVER_NAME": "localhost", "SERVER_PORT": "80"} | more
    settings = replace(load({}), push_token="the run's")
    with resources.override(settings=settings):
        return len(flask_app.incoming(Request(environ)).body)


@pytest.mark.parametrize(
    ("path", "query", "limit"),
    [
        ("/api/v1/claims", "", MAX_BODY),
        ("/api/v1/contracts", "", BODY_WITH_ABI),
        ("/push/claim_order", "token=the+run%27s", body_limits.MAX_PUSH),
    ],
)
def test_a_body_in_chunks_is_read_to_the_limit_only(path: str, query: str, limit: int) -> None:
    assert body_read(path, QUERY_STRING=query) == limit + 1


@pytest.mark.parametrize("query", ["", "token=guessed"])
def test_only_pushes_may_be_as_long_as_pushes(query: str) -> None:
    """Sixteen bodies of 16 MB, sent by anybody to the path of a push, used up the memory of an instance."""
    assert body_read("/push/claim_order", QUERY_STRING=query) == MAX_BODY + 1


def test_a_body_that_no_route_takes_is_not_read() -> None:
    assert body_read("/api/v1/claims", REQUEST_METHOD="GET") == 1


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of one function as functions-framework serves it."""
    import functions_framework

    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p")
    for name in ("FUNCTION_TARGET", "FUNCTION_SOURCE"):  # functions-framework leaves these behind
        monkeypatch.setenv(name, "")
    monkeypatch.setattr(logs, "configure", lambda: None)
    with resources.override(fresh=True, settings=load({"GOOGLE_CLOUD_PROJECT": "p"})):
        app = functions_framework.create_app("get_jwks", str(ROOT / "functions/main.py"))
        yield app.test_client()


@pytest.mark.parametrize(
    "path",
    ["/%0A", "/a%0d%0aSet-Cookie:%20x=y", "/%1b[31m", "/%00", "/api/v1/orders/%0a", "/%e2%80%a8", "/%ff%fe",
     "/robots.txt", "/.well-known/jwks.json%0a"],
)  # fmt: skip
def test_control_characters_in_a_path_are_answered_as_any_unknown_path(
    served: Any, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "shared")
    answer = served.get(path)
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "NOT_FOUND"), answer.text
    assert answer.headers["X-Request-Id"] == answer.json["error"]["request_id"]
    assert "Set-Cookie" not in answer.headers
    (line,) = [record for record in caplog.records if record.getMessage() == "served"]
    for formatter in (logs.JsonFormatter(), logs.TextFormatter(False)):
        text = formatter.format(line)
        assert all(one.isprintable() for one in text), text
    assert json.loads(logs.JsonFormatter().format(line))["httpRequest"]["status"] == 404


@pytest.mark.parametrize("sent", [b"", b'{"email": '], ids=["nothing", "a part"])
def test_a_body_that_does_not_come_is_not_waited_for(sent: bytes) -> None:
    """As many such requests as there are threads stopped an instance, before anybody was authenticated."""
    ours, theirs = socket.socketpair()
    with ours, theirs, ours.makefile("rb") as arriving:
        theirs.sendall(sent)
        environ = {
            "REQUEST_METHOD": "POST", "PATH_INFO": "/api/v1/auth/login", "CONTENT_LENGTH": "100",
            "wsgi.input": arriving, "wsgi.url_scheme": "http", "SERVER_NAME": "localhost", "SERVER_PORT": "80",
            "gunicorn.socket": ours, "wsgi.input_terminated": True,
        }  # fmt: skip
        with resources.override(settings=load({}), BodyDeadlines=BodyDeadlines(0.05, 0.01)):
            answer = flask_app.serve_all({})(Request(environ))
    assert answer.status_code == 400 and "MALFORMED_REQUEST" in answer.get_data(as_text=True)
    assert answer.headers["Connection"] == "close"


@pytest.mark.parametrize("sent", [b"", b"{}"], ids=["nothing", "a part"])
def test_a_body_that_ends_early_is_no_body(sent: bytes) -> None:
    """gunicorn says nothing of it, so a request without required fields ran as if it had no body."""
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": "/api/v1/claims/next", "CONTENT_LENGTH": "100",
        "wsgi.input": io.BytesIO(sent), "wsgi.input_terminated": True, "wsgi.url_scheme": "http",
        "SERVER_NAME": "localhost", "SERVER_PORT": "80",
    }  # fmt: skip
    with resources.override(settings=load({})):
        answer = flask_app.serve_all({})(Request(environ))
    assert answer.status_code == 400 and "MALFORMED_REQUEST" in answer.get_data(as_text=True)


def test_a_body_that_comes_in_time_is_read() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, resources.override(BodyDeadlines=BodyDeadlines(0.05, 0.01)):
        with resources.memory(BodyDeadlines).watching(ours):
            theirs.sendall(b"all of it")
            assert ours.recv(100) == b"all of it"
        time.sleep(0.2)  # four deadlines later
        theirs.sendall(b"the next request")
        assert ours.recv(100) == b"the next request"
