"""Model a chain whose blocks contain logs and payments, and nodes that show it late, incompletely, wrongly or not at
all. All randomness comes from one generator, so that a seed is a history."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from eth_utils.crypto import keccak

from shared.chain.errors import ChainError, Unreachable, classify
from tests.support.batches import Batches

TOPIC = "0x" + "ab" * 32
MADE = "0x" + keccak(text="Made(address)").hex()  # the argument of the factory's log


def digest(*parts: object) -> str:
    return "0x" + hashlib.sha256(repr(parts).encode()).hexdigest()


@dataclass(frozen=True)
class ModelBlock:
    number: int
    hash: str
    parent: str
    logs: tuple[tuple[str, str], ...]  # address, data
    payments: tuple[tuple[str, int, bool], ...]  # recipient, value, whether it succeeds


@dataclass
class LogChain:
    """The canonical chain, and the chain before its last reorganisation."""

    rng: random.Random
    addresses: list[str]
    wallets: list[str]
    factory: str | None = None  # logs the addresses of its children repeatedly
    children: tuple[str, ...] = ()
    blocks: list[ModelBlock] = field(default_factory=list)
    former: list[ModelBlock] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.mine(6)
        self.former = list(self.blocks)

    def mine(self, count: int = 1) -> None:
        for _ in range(count):
            number = len(self.blocks)
            parent = self.blocks[-1].hash if self.blocks else "0x" + "00" * 32
            logs = tuple(self._log() for _ in range(self.rng.choice((0, 0, 1, 2, 5))))
            payments = tuple(
                (self.rng.choice(self.wallets), self.rng.randint(1, 9), self.rng.random() < 0.8)
                for _ in range(self.rng.choice((0, 0, 0, 1, 2)))
            )
            block_hash = digest(parent, number, self.rng.random())
            self.blocks.append(ModelBlock(number, block_hash, parent, logs, payments))

    def _log(self) -> tuple[str, str]:
        if self.factory and self.rng.random() < 0.2:
            return self.factory, "0x" + self.rng.choice(self.children)[2:].rjust(64, "0")
        address = self.rng.choice((*self.addresses, *self.children))
        return address, "0x" + f"{self.rng.getrandbits(64):064x}"

    def announced(self, child: str, since: int) -> int | None:
        """The lowest height, from `since` on, at which the factory names the child."""
        named = (self.factory, "0x" + child[2:].rjust(64, "0"))
        return next((one.number for one in self.blocks if one.number >= since and named in one.logs), None)

    def reorganise(self, depth: int) -> None:
        self.former = list(self.blocks)
        depth = min(depth, len(self.blocks) - 1)
        del self.blocks[-depth:]
        self.mine(depth + self.rng.choice((-1, 0, 0, 1, 2)) or 1)

    def logs_of(self, address: str) -> set[tuple[str, int]]:
        """(block hash, log index) of all its logs, without their heights."""
        return {
            (block.hash, index)
            for block in self.blocks
            for index, (one, _) in enumerate(block.logs)
            if one == address
        }


@dataclass
class ModelNode(Batches):
    """`Rpc` of a node; its faults are probabilities per call."""

    name: str
    chain: LogChain
    error: float = 0.0
    lag: float = 0.0
    former: float = 0.0  # shows the chain before the reorganisation
    refuses: float = 0.0  # refuses more than some logs at once
    lies: float = 0.0  # omits logs, and invents others
    told: Counter[str] = field(default_factory=Counter)

    def batch(self, calls: Any, timeout: float | None = None) -> list[Any]:
        if self._now("error", self.error):
            raise Unreachable("time-out")
        seen = self.chain.blocks
        if self._now("former", self.former):
            seen = self.chain.former
        if self._now("lag", self.lag):
            seen = seen[: max(1, len(seen) - self.chain.rng.randint(1, 3))]
        return [self._answer(method, params, seen) for method, params in calls]

    def close(self) -> None: ...

    def _now(self, what: str, probability: float) -> bool:
        happens = probability > 0 and self.chain.rng.random() < probability
        self.told[what] += happens
        return happens

    def _answer(self, method: str, params: list[Any], seen: list[ModelBlock]) -> Any:
        try:
            return getattr(self, method)(seen, *params)
        except ChainError as error:
            return error

    def eth_chainId(self, seen: list[ModelBlock]) -> str:
        return hex(31337)

    def eth_blockNumber(self, seen: list[ModelBlock]) -> str:
        return hex(seen[-1].number)

    def eth_getBlockByNumber(self, seen: list[ModelBlock], ref: str, full: bool) -> Any:
        number = seen[-1].number if ref == "latest" else int(ref, 16)
        if number >= len(seen):
            return None
        block = seen[number]
        entries = [
            {"hash": digest(block.hash, at), "from": "0x" + "99" * 20, "to": to, "value": hex(value)}
            for at, (to, value, _) in enumerate(block.payments)
        ]
        return {
            "number": hex(block.number), "hash": block.hash, "parentHash": block.parent, "timestamp": "0x1",
            "gasLimit": "0x1", "transactions": entries if full else [one["hash"] for one in entries],
        }  # fmt: skip

    def eth_getTransactionReceipt(self, seen: list[ModelBlock], tx_hash: str) -> Any:
        for block in seen:
            for at, (_, _, success) in enumerate(block.payments):
                if digest(block.hash, at) == tx_hash:
                    return {
                        "transactionHash": tx_hash, "blockHash": block.hash, "blockNumber": hex(block.number),
                        "status": hex(success), "gasUsed": "0x1", "logs": [],
                    }  # fmt: skip
        return None

    def eth_getLogs(self, seen: list[ModelBlock], wanted: dict[str, Any]) -> Any:
        if "blockHash" in wanted:
            blocks = [one for one in seen if one.hash == wanted["blockHash"]]
            if not blocks:
                raise classify("unknown block")
        else:
            low, high = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
            blocks = [one for one in seen if low <= one.number <= high]
        addresses = wanted.get("address")
        found = [
            {
                "address": address, "data": data, "logIndex": hex(index),
                "topics": [MADE if address == self.chain.factory else TOPIC],
                "transactionHash": digest(block.hash, "log", index), "blockHash": block.hash,
                "blockNumber": hex(block.number),
            }
            for block in blocks
            for index, (address, data) in enumerate(block.logs)
            if addresses is None or address in addresses
        ]  # fmt: skip
        if len(found) > 1 and self._now("refused", self.refuses):
            raise classify("query returned more than 10000 results")
        if found and self._now("lied", self.lies):
            return found[1:] if self.chain.rng.random() < 0.5 else [*found, {**found[0], "logIndex": "0x63"}]
        return found
