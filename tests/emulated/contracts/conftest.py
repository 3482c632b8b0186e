"""The product over a node that mines on demand, with contracts from OpenZeppelin and from this repository."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from web3 import HTTPProvider, Web3

from emulators.solidity import Compiled, compiled
from tests.emulated.engine.conftest import changed, world  # noqa: F401 - fixtures
from tests.emulated.engine.world import World
from tests.support.inprocess import Answer

FOLDER = Path(__file__).parent / "solidity"
USER = "usr_contracts"


@pytest.fixture(scope="session")
def solidity() -> dict[str, Compiled]:
    return compiled(FOLDER)


@dataclass
class Lab:
    """Deploys contracts to the chain without the product, and asks the product about them."""

    world: World
    code: dict[str, Compiled]
    web3: Web3 = field(init=False)

    def __post_init__(self) -> None:
        from shared import resources

        (url,) = resources.settings().rpc_urls["local"]
        self.web3 = Web3(HTTPProvider(url))
        self.bank = self.world.control("eth_accounts")[0]

    def put(self, name: str, *arguments: Any) -> str:
        """Deploy a contract from the node's own account; returns its address."""
        made = self.code[name]
        inputs = next((one["inputs"] for one in made.abi if one["type"] == "constructor"), [])
        data = made.bytecode + encode([one["type"] for one in inputs], arguments).hex()
        sent = self.world.control("eth_sendTransaction", {"from": self.bank, "data": data, "gas": hex(10**7)})
        self.world.mine()
        receipt = self.world.control("eth_getTransactionReceipt", sent)
        assert receipt["status"] == "0x1"
        return str(Web3.to_checksum_address(receipt["contractAddress"]))

    def take(self, name: str, *arguments: Any, at: str | None = None, user: str = USER) -> Any:
        """Deploy a contract and import it."""
        body = {"name": name, "address": at or self.put(name, *arguments), "abi": self.code[name].abi}
        return self.world.app.ok(201, "POST", "/contracts/import", body, user=user)

    def call(self, contract: Any, method: str, *arguments: Any, **more: Any) -> Any:
        """The result of a successful call."""
        return self.tried(contract, method, *arguments, **more).body["result"]

    def tried(self, contract: Any, method: str, *arguments: Any, **more: Any) -> Answer:
        body = {"method": method, "arguments": list(arguments)} | more
        answer = self.world.app.call("POST", f"/contracts/{contract['id']}/call", body, user=USER)
        assert answer.status in (200, 409, 422), answer.text
        return answer

    def refused(self, code: str, contract: Any, method: str, *arguments: Any, **more: Any) -> Any:
        """The error of a call that is refused with this code."""
        answer = self.tried(contract, method, *arguments, **more)
        assert answer.code == code, answer.text
        return answer.body["error"]


@pytest.fixture
def lab(world: World, solidity: dict[str, Compiled]) -> Lab:  # noqa: F811
    return Lab(world, solidity)
