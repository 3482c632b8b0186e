"""Helpers for the index's tests: contracts that log, passes of the index, and the node's own view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shared import resources
from shared.adapters.cache import NoCache
from shared.chain.client import ChainClient
from shared.chain.endpoints import Endpoint
from shared.chain.pool import Pool
from shared.chain.rpc import RpcClient
from shared.contracts.events import following, run
from shared.domain.contracts import follows
from shared.domain.contracts.events import ContractEvent
from shared.runtime.context import running
from shared.store.session import Session
from shared.store.tables.contract_events import EVENTS
from shared.store.tables.contracts import CONTRACTS
from shared.writes.commit import commit
from tests.emulated.contracts.conftest import USER, Lab
from tests.emulated.engine.world import as_system
from tests.model.store import MemoryDatabase


@dataclass
class Indexed:
    """A lab with an index of its chain."""

    lab: Lab

    def passes(self, times: int = 1) -> None:
        for _ in range(times):
            answer = self.lab.world.app.schedule("index_chain")
            assert answer.status == 204, answer.text

    def follow(self, contract: Any, **wish: Any) -> Any:
        path = f"/contracts/{contract['id']}/follow"
        return self.lab.world.app.ok(200, "PUT", path, wish, user=USER)

    def state(self, contract: Any) -> Any:
        return self.lab.world.app.ok(200, "GET", f"/contracts/{contract['id']}/follow", user=USER)

    def events(self, contract: Any, **query: Any) -> list[Any]:
        """All events, read page by page."""
        found: list[Any] = []
        given = "&".join(f"{name.rstrip('_')}={value}" for name, value in query.items())
        cursor = ""
        while True:
            path = f"/contracts/{contract['id']}/events?{given}&{cursor}".rstrip("&")
            page = self.lab.world.app.ok(200, "GET", path, user=USER)
            found += page["items"]
            if page["next_cursor"] is None:
                return found
            cursor = f"cursor={page['next_cursor']}"

    def refused(self, contract: Any, query: str) -> Any:
        path = f"/contracts/{contract['id']}/events?{query}"
        answer = self.lab.world.app.call("GET", path, user=USER)
        assert answer.status in (409, 422), answer.text
        return answer.body["error"]

    def send(self, contract: Any, method: str, *arguments: Any, value: int = 0) -> str:
        """Send a call from the node's own account to the pool."""
        made = self.lab.web3.eth.contract(address=contract["address"], abi=contract["abi"])
        sent = {
            "from": self.lab.bank,
            "to": contract["address"],
            "data": made.encode_abi(method, list(arguments)),
            "gas": hex(20_000_000),
            "value": hex(value),
        }
        return str(self.lab.world.control("eth_sendTransaction", sent))

    def node(self, contract: Any) -> list[tuple[Any, ...]]:
        """The contract's current logs in the node, newest first."""
        wanted = {"address": contract["address"], "fromBlock": "0x0", "toBlock": "latest"}
        logs = self.lab.world.control("eth_getLogs", wanted)
        found = [(int(one["blockNumber"], 16), int(one["logIndex"], 16), one["blockHash"]) for one in logs]
        return sorted(found, reverse=True)

    def stored(self, contract: Any) -> list[tuple[Any, ...]]:
        return [
            (one["block_number"], one["log_index"], one["block_hash"])
            for one in self.events(contract, limit=100)
        ]

    def told(self, kind: str) -> list[Any]:
        """The data of the published events."""
        return [envelope["data"] for _, envelope in self.lab.world.published.sent if envelope["type"] == kind]

    def rows(self) -> list[ContractEvent]:
        """All stored events, complete."""
        found = Session(resources.database().snapshot()).many(EVENTS.scan())
        return sorted(found, key=lambda row: (row.address, row.position))

    def fresh(self) -> list[ContractEvent]:
        """The events of another index that starts in an empty database and sees the node's chain for the first time."""
        (url,) = resources.settings().rpc_urls["local"]
        spec = resources.registry().chain("local")
        client = ChainClient(spec, Pool([Endpoint(RpcClient("fresh", url), spec.chain_id)]))
        contracts = Session(resources.database().snapshot()).many(CONTRACTS.scan())
        cold = {"database": MemoryDatabase(), "cache": NoCache(), "chain:local": client}
        with resources.override(**cold), running(as_system("index_chain", 60)):
            resources.database().write([CONTRACTS.write("insert", one) for one in contracts])
            for one in contracts:
                if one.address is not None:
                    commit(_followed_from_the_start, one.id, one.user_id, one.address)
            for _ in range(6):
                run.run_pass(client)
            found = self.rows()
        client.close()
        return found


def _followed_from_the_start(unit: Any, contract_id: str, user_id: str, address: str) -> None:
    wish = follows.new_follow(
        contract_id=contract_id, user_id=user_id, chain="local", address=address.lower(), from_block=0,
        confirmations=1, announced=False, now=unit.now,
    )  # fmt: skip
    following.follow(unit, wish, keep_start=False)
