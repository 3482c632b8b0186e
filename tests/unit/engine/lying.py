"""A node that lies: it drops, delays, lags, forgets, hides, reorganises, and answers errors after accepting.

Its chain knows plain transfers only. Everything random comes from one generator, so that a seed is a history.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from shared.chain.errors import ChainError, RateLimited, Unreachable, classify
from shared.keys.accounts import address_of_public_key
from shared.keys.transactions import decode_signed

GWEI = 10**9
START_BALANCE = 10**20
FINAL_DEPTH = 4  # what this deep cannot be reorganised


@dataclass(frozen=True)
class Sent:
    """A decoded transaction."""

    raw: bytes
    hash: str
    sender: str
    nonce: int
    to: str
    value: int
    max_fee: int
    tip: int
    gas: int


@dataclass(frozen=True)
class Mined:
    number: int
    hash: str
    parent: str
    timestamp: int
    base_fee: int
    sent: tuple[Sent, ...]
    nonces: dict[str, int]
    balances: dict[str, int]


@dataclass
class Faults:
    """Probabilities per call or per block."""

    error: float = 0.0  # a read fails
    lost_answer: float = 0.0  # bytes are taken, the answer is an error
    swallow: float = 0.0  # bytes are acknowledged and not kept
    forget: float = 0.0  # the pool loses a transaction, per block
    lag: float = 0.0  # a read is answered as of one or two blocks ago
    hide: float = 0.0  # a receipt is not found
    strict: bool = False  # refuses nonces with a gap
    ceil: bool = False  # replacement threshold as reth's, else geth's
    slots: int = 64


class LyingNode:
    """`shared.chain.rpc.Rpc`."""

    name = "lying#0"

    def __init__(self, rng: random.Random, now: Callable[[], float], faults: Faults) -> None:
        self.rng, self.now, self.faults = rng, now, faults
        genesis = Mined(0, self._hash("genesis"), "0x" + "00" * 32, int(now()), GWEI, (), {}, {})
        self.blocks = [genesis]
        self.pool: dict[tuple[str, int], Sent] = {}
        self.base_fee = GWEI
        self.given: dict[str, int] = {}  # balances set by hand

    def close(self) -> None: ...

    # — the chain

    def mine(self, *, empty: bool = False) -> None:
        head = self.blocks[-1]
        nonces, balances = dict(head.nonces), dict(head.balances)
        balances.update(self.given)
        self.given = {}
        chosen: list[Sent] = []
        for sender in sorted({key[0] for key in self.pool}):
            while not empty and (sent := self.pool.get((sender, nonces.get(sender, 0)))) is not None:
                price = min(sent.max_fee, self.base_fee + sent.tip)
                cost = sent.value + 21_000 * price
                if sent.max_fee < self.base_fee or balances.get(sender, START_BALANCE) < cost:
                    break
                balances[sender] = balances.get(sender, START_BALANCE) - cost
                balances[sent.to] = balances.get(sent.to, START_BALANCE) + sent.value
                nonces[sender] = sent.nonce + 1
                chosen.append(sent)
        number = head.number + 1
        salt = f"{number}/{head.hash}/{self.rng.random()}"
        made = Mined(
            number, self._hash(salt), head.hash, int(self.now()), self.base_fee, tuple(chosen), nonces, balances
        )  # fmt: skip
        self.blocks.append(made)
        self.pool = {key: sent for key, sent in self.pool.items() if key[1] >= nonces.get(key[0], 0)}
        for key in sorted(self.pool):
            if self.rng.random() < self.faults.forget:
                del self.pool[key]

    def reorganise(self, depth: int) -> None:
        """Replace the newest blocks by as many others; what they held is back in the pool, or forgotten."""
        depth = min(depth, FINAL_DEPTH - 1, len(self.blocks) - 1)
        gone = self.blocks[-depth:] if depth else []
        del self.blocks[len(self.blocks) - depth :]
        for block in gone:
            for sent in block.sent:
                if self.rng.random() < 0.6:
                    self.pool.setdefault((sent.sender, sent.nonce), sent)
        for _ in gone:
            self.mine(empty=self.rng.random() < 0.5)

    def canonical(self) -> list[Sent]:
        return [sent for block in self.blocks for sent in block.sent]

    # — JSON-RPC

    def call(self, method: str, params: list[Any], timeout: float | None = None) -> Any:
        if method == "eth_sendRawTransaction":
            return self._take(bytes.fromhex(params[0][2:]))
        if self.rng.random() < self.faults.error:
            raise self._failure()
        return getattr(self, method)(*params)

    def batch(self, calls: Sequence[tuple[str, list[Any]]], timeout: float | None = None) -> list[Any]:
        if self.rng.random() < self.faults.error:
            raise self._failure()
        answers: list[Any] = []
        for method, params in calls:
            try:
                answers.append(self.call(method, params))
            except ChainError as error:
                answers.append(error)
        return answers

    def _failure(self) -> ChainError:
        return self.rng.choice([Unreachable("HTTP 502"), RateLimited("HTTP 429"), Unreachable("time-out")])

    def _take(self, raw: bytes) -> str:
        decoded, public_key = decode_signed(raw)
        max_fee, tip = decoded.fees[1], decoded.fees[0]
        digest = "0x" + _keccak(raw).hex()
        sent = Sent(
            raw, digest, address_of_public_key(public_key).lower(), decoded.nonce,
            "0x" + decoded.to.hex(), decoded.value, max_fee, tip, decoded.gas,
        )  # fmt: skip
        roll = self.rng.random()
        if roll < self.faults.swallow:
            return digest
        refusal = self._refusal(sent)
        if refusal is None:
            self.pool[sent.sender, sent.nonce] = sent
        if roll < self.faults.swallow + self.faults.lost_answer:
            raise self._failure()
        if refusal is not None:
            raise classify(refusal, -32000)
        return digest

    def _refusal(self, sent: Sent) -> str | None:
        """What a node says to these bytes; None when it takes them."""
        head = self.blocks[-1]
        nonce = head.nonces.get(sent.sender, 0)
        balance = self.given.get(sent.sender, head.balances.get(sent.sender, START_BALANCE))
        other = self.pool.get((sent.sender, sent.nonce))
        waiting = {key[1] for key in self.pool if key[0] == sent.sender}
        gap = any(one not in waiting for one in range(nonce, sent.nonce))
        known = other is not None and other.hash == sent.hash
        reasons = {
            "nonce too low": sent.nonce < nonce,
            "already known": known,
            "insufficient funds for gas * price + value": balance < sent.value + sent.gas * sent.max_fee,
            "max fee per gas less than block base fee": self.faults.strict and sent.max_fee < self.base_fee,
            "replacement transaction underpriced": other is not None and not self._replaces(other, sent),
            "nonce too high": self.faults.strict and gap,
            "account limit exceeded": other is None and len(waiting) >= self.faults.slots,
        }
        return next((reason for reason, holds in reasons.items() if holds), None)

    def _replaces(self, old: Sent, new: Sent) -> bool:
        def least(wei: int) -> int:
            return -(-wei * 110 // 100) if self.faults.ceil else wei * 110 // 100

        return new.max_fee >= least(old.max_fee) and new.tip >= least(old.tip)

    def _seen(self) -> list[Mined]:
        """The chain as this call shows it."""
        behind = self.rng.randint(1, 2) if self.rng.random() < self.faults.lag else 0
        return self.blocks[: max(1, len(self.blocks) - behind)]

    def _at(self, ref: str) -> Mined | None:
        seen = self._seen()
        if not ref.startswith("0x"):
            return seen[-1]
        number = int(ref, 16)
        return seen[number] if number < len(seen) else None

    def _state(self, ref: str) -> Mined:
        found = self._at(ref)
        if found is None:
            raise classify("header not found")
        return found

    def eth_chainId(self) -> str:
        return hex(31337)

    def eth_blockNumber(self) -> str:
        return hex(self._seen()[-1].number)

    def eth_getBlockByNumber(self, ref: str, full: bool) -> Any:
        block = self._at(ref)
        if block is None:
            return None
        entries = [_transaction(one, block) if full else one.hash for one in block.sent]
        return {
            "number": hex(block.number), "hash": block.hash, "parentHash": block.parent,
            "timestamp": hex(block.timestamp), "baseFeePerGas": hex(block.base_fee), "gasLimit": "0x1c9c380",
            "transactions": entries,
        }  # fmt: skip

    def eth_getTransactionCount(self, address: str, ref: str) -> str:
        nonce = self._state(ref).nonces.get(address.lower(), 0)
        while ref == "pending" and (address.lower(), nonce) in self.pool:
            nonce += 1
        return hex(nonce)

    def eth_getBalance(self, address: str, ref: str) -> str:
        return hex(self._state(ref).balances.get(address.lower(), START_BALANCE))

    def eth_estimateGas(self, call: Any, *ref: str) -> str:
        return hex(21_000)

    def eth_feeHistory(self, count: str, newest: str, percentiles: list[int]) -> Any:
        head = self._seen()[-1]
        return {
            "oldestBlock": hex(head.number),
            "baseFeePerGas": [hex(head.base_fee), hex(self.base_fee)],
            "gasUsedRatio": [0.5],
            "reward": [[hex(GWEI)] * len(percentiles)],
        }

    def eth_getTransactionReceipt(self, tx_hash: str) -> Any:
        if self.rng.random() < self.faults.hide:
            return None
        for block in self._seen():
            for sent in block.sent:
                if sent.hash == tx_hash:
                    return _receipt(sent, block)
        return None

    def eth_getBlockReceipts(self, ref: str) -> Any:
        block = self._at(ref)
        return [] if block is None else [_receipt(sent, block) for sent in block.sent]

    def _hash(self, text: str) -> str:
        return "0x" + hashlib.sha256(f"{text}/{self.rng.random()}".encode()).hexdigest()


class Mirror:
    """Another endpoint of the same chain, with faults of its own."""

    name = "lying#1"

    def __init__(self, node: LyingNode, faults: Faults) -> None:
        self.node, self.faults = node, faults

    def close(self) -> None: ...

    def call(self, method: str, params: list[Any], timeout: float | None = None) -> Any:
        return self._asked(lambda: self.node.call(method, params))

    def batch(self, calls: Sequence[tuple[str, list[Any]]], timeout: float | None = None) -> list[Any]:
        return list(self._asked(lambda: self.node.batch(calls)))

    def _asked(self, ask: Callable[[], Any]) -> Any:
        own, self.node.faults = (
            self.node.faults,
            self.faults if self.node.faults.lost_answer else self.node.faults,
        )
        try:
            return ask()
        finally:
            self.node.faults = own


def _keccak(raw: bytes) -> bytes:
    from eth_utils.crypto import keccak

    return bytes(keccak(raw))


def _receipt(sent: Sent, block: Mined) -> Any:
    return {
        "transactionHash": sent.hash, "blockHash": block.hash, "blockNumber": hex(block.number), "status": "0x1",
        "gasUsed": hex(21_000), "effectiveGasPrice": hex(min(sent.max_fee, block.base_fee + sent.tip)),
        "contractAddress": None, "logs": [],
    }  # fmt: skip


def _transaction(sent: Sent, block: Mined) -> Any:
    return {
        "hash": sent.hash, "from": sent.sender, "nonce": hex(sent.nonce), "to": sent.to, "value": hex(sent.value),
        "blockNumber": hex(block.number), "blockHash": block.hash,
    }  # fmt: skip
