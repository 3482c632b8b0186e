"""A body that does not say its length is read to the limit, no further: its sender may never end it."""

from __future__ import annotations

import pytest
from flask import Request

from shared.triggers import flask_app, request_parsing


class Endless:
    """The server's input for a request sent in chunks."""

    def read(self, size: int = -1) -> bytes:
        assert size >= 0, "read to an end that never comes"
        return b" " * size


@pytest.mark.parametrize(
    ("path", "limit"),
    [("/api/v1/claims", request_parsing.MAX_BODY), ("/push/claim_order", flask_app.MAX_PUSH)],
)
def test_a_body_in_chunks_is_read_to_the_limit_only(path: str, limit: int) -> None:
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "wsgi.input": Endless(),
        "wsgi.input_terminated": True,
    }
    environ |= {"wsgi.url_scheme": "http", "SERVER_NAME": "localhost", "SERVER_PORT": "80"}
    assert len(flask_app.incoming(Request(environ)).body) == limit + 1
