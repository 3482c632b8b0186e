"""The Python client takes the product's address as people write it."""

from __future__ import annotations

import httpx
import pytest
from web3_wallet_client import WalletClient


@pytest.mark.parametrize(
    "given", ["http://host:1", "http://host:1/", "http://host:1/api/v1", "http://host:1/api/v1/"]
)
def test_routes_are_below_one_prefix(given: str) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(200, json={"items": []})

    with httpx.Client(transport=httpx.MockTransport(answer)) as http:
        WalletClient(given, http=http).chains.list()
    assert seen == ["http://host:1/api/v1/chains"]


def test_an_address_without_a_scheme_is_refused() -> None:
    with pytest.raises(ValueError, match="https://"):
        WalletClient("127.0.0.1:8080")
