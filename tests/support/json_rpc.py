"""Calls to a node on this machine, beside the product."""

from __future__ import annotations

import ssl
from typing import Any

import httpx

# httpx would read all certificates of this machine for each call, which takes 40 ms of a processor.
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def forward(url: str, body: Any, seconds: float = 30.0) -> Any:
    """Send a request as it is; returns the answer. Raises httpx.HTTPError."""
    return httpx.post(url, json=body, timeout=seconds, verify=PLAIN).json()


def ask(url: str, method: str, *params: Any) -> Any:
    """The result of a call. Raises AssertionError if the node answers an error."""
    answer = forward(url, {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
    assert "error" not in answer, answer
    return answer["result"]
