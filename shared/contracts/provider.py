"""Let web3 use our own nodes: a provider that sends its requests through the chain's pool.

It uses neither middleware, ENS nor CCIP-Read (EIP-3668), so a contract cannot make the product fetch a URL.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from shared.chain.client import ChainClient
from shared.keys import web3_imports


def connected(client: ChainClient) -> Any:
    """A `web3.Web3` whose requests use the chain's pool, fail over like its reads, and raise its ChainErrors."""
    return web3_imports.web3().Web3(_provider()(client), middleware=[])


@cache
def offline() -> Any:
    """A `web3.Web3` that only encodes and decodes, without a node."""
    return web3_imports.web3().Web3(_provider()(None), middleware=[])


@cache
def _provider() -> type:
    base: Any = web3_imports.web3("providers.base").BaseProvider

    class QuorumProvider(base):  # type: ignore[misc]
        global_ccip_read_enabled = False

        def __init__(self, client: ChainClient | None) -> None:
            super().__init__()
            self._client = client

        def make_request(self, method: str, params: Any) -> dict[str, Any]:
            assert self._client is not None, f"{method} is asked offline"
            return {"jsonrpc": "2.0", "id": 1, "result": self._client.request(method, *params)}

        def is_connected(self, show_traceback: bool = False) -> bool:
            return self._client is not None

    return QuorumProvider
