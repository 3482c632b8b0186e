"""Google's signing certificates, cached in this process for their max-age, at most ten minutes.

An unknown key id causes another fetch, at most once a minute. Google announces keys before it uses them, and a caller
with invented ids must not cause a fetch each time. If the fetch fails, no token can be verified.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

MAX_SECONDS: Final = 600.0
REFETCH_SECONDS: Final = 60.0  # between two fetches because of unknown key ids
TIMEOUT_SECONDS: Final = 5.0


class Response(Protocol):
    """The response type of google-auth's transports."""

    status: int
    headers: Mapping[str, str]
    data: bytes


@dataclass(frozen=True, slots=True)
class _Kept:
    response: Response
    asked_at: float
    until: float
    kids: frozenset[str]


class Certificates:
    """One set of certificates; `fetch(url)` downloads it, `clock` is monotonic, in seconds."""

    def __init__(
        self, fetch: Callable[[str], Response] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch or _download
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}

    def transport(self, kid: str) -> Callable[..., Response]:
        """A google-auth transport for a token that is signed with key `kid`."""
        return partial(self._get, kid)

    def _get(self, kid: str, url: str, method: str = "GET", **_: Any) -> Response:
        with self._lock:  # concurrent callers wait for the same answer
            now = self._clock()
            kept = self._kept.get(url)
            if (
                kept is not None
                and now < kept.until
                and (kid in kept.kids or now < kept.asked_at + REFETCH_SECONDS)
            ):
                return kept.response
            response = self._fetch(url)
            if response.status == 200:
                until = now + min(MAX_SECONDS, _max_age(response.headers))
                self._kept[url] = _Kept(response, now, until, frozenset(json.loads(response.data)))
            return response


def _download(url: str) -> Response:
    from google.auth.transport import requests

    response: Response = requests.Request()(url, method="GET", timeout=TIMEOUT_SECONDS)
    return response


def _max_age(headers: Mapping[str, str]) -> float:
    control = next((value for name, value in headers.items() if name.lower() == "cache-control"), "")
    max_age = re.search(r"max-age=(\d{1,9})", control)
    return float(max_age[1]) if max_age and "no-store" not in control else 0.0
