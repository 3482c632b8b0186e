"""A node that lies: it drops, delays, hangs, lags, forgets, hides, reorganises, and answers errors after accepting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from shared.chain.errors import ChainError, RateLimited, Unreachable, classify
from shared.chain.rpc import TIMEOUT
from shared.keys.accounts import address_of_public_key
from shared.keys.raw_transactions import decode_signed
from tests.unit.engine.chain_model import FINAL_DEPTH, GWEI, START_BALANCE, Chain, Faults, Mined, Sent


class FaultyNode(Chain):
    """`shared.chain.rpc.Rpc`."""

    name = "faulty#0"
    wait: Callable[[float], None] = staticmethod(lambda seconds: None)  # advances the caller's time

    def close(self) -> None: ...

    def call(self, method: str, params: list[Any], timeout: float | None = None) -> Any:
        self._hang(timeout)
        return self._called(method, params)

    def _called(self, method: str, params: list[Any]) -> Any:
        if method == "eth_sendRawTransaction":
            return self.take(bytes.fromhex(params[0][2:]))
        if self.rng.random() < self.faults.error:
            raise self._failure()
        return getattr(self, method)(*params)

    def batch(self, calls: Sequence[tuple[str, list[Any]]], timeout: float | None = None) -> list[Any]:
        self._hang(timeout)
        if self.rng.random() < self.faults.error:
            raise self._failure()
        answers: list[Any] = []
        for method, params in calls:
            try:
                answers.append(self._called(method, params))
            except ChainError as error:
                answers.append(error)
        return answers

    def _hang(self, timeout: float | None) -> None:
        """Give no answer; the caller notices it at its time-out."""
        if self.faults.hang and self.rng.random() < self.faults.hang:
            self.told["hung"] += 1
            self.wait(min(timeout or TIMEOUT, TIMEOUT))
            raise Unreachable("time-out")

    def _failure(self) -> ChainError:
        kinds = [
            Unreachable("HTTP 502"),
            RateLimited("HTTP 429"),
            Unreachable("time-out"),
            Unreachable("garbage"),
        ]
        failure = self.rng.choice(kinds)
        self.told[str(failure)] += 1
        return failure

    def take(self, raw: bytes) -> str:
        decoded, public_key = decode_signed(raw)
        max_fee, tip = decoded.fees[-1], decoded.fees[0]  # a legacy price is both
        digest = "0x" + keccak256(raw).hex()
        sent = Sent(
            raw, digest, address_of_public_key(public_key).lower(), decoded.nonce,
            "0x" + decoded.to.hex(), decoded.value, max_fee, tip, decoded.gas,
        )  # fmt: skip
        roll = self.rng.random()
        if roll < self.faults.swallow:
            self.told["swallowed"] += 1
            return digest
        if self.rng.random() < self.faults.delay:
            self.told["delayed"] += 1
            self.late.append((self.blocks[-1].number + self.rng.randint(2, 5), sent))
            return digest
        refusal = self.refusal(sent)
        if refusal is None:
            self.pool[sent.sender, sent.nonce] = sent
        if roll < self.faults.swallow + self.faults.lost_answer:
            self.told["accepted, answered an error" if refusal is None else "refused, answered an error"] += 1
            raise self._failure()
        if refusal is not None:
            raise classify(refusal, -32000)
        return digest

    def _seen(self) -> list[Mined]:
        """The chain as this call shows it."""
        behind = self.rng.randint(1, 2) if self.rng.random() < self.faults.lag else 0
        self.told["lagged"] += bool(behind)
        if self.rng.random() < self.faults.far:
            self.told["synchronised"] += 1
            behind = self.rng.randint(5, 30)
        seen = self.blocks[: max(1, len(self.blocks) - behind)]
        if self.faults.other and self.rng.random() < self.faults.other:
            self.told["of another chain"] += 1
            return [_elsewhere(block) for block in seen]
        return seen

    def _at(self, ref: str) -> Mined | None:
        seen = self._seen()
        if ref == "finalized":
            height = max(0, len(seen) - FINAL_DEPTH)
            if self.stalled is not None and self.stalled < height:
                self.told["finality stalled"] += 1
            return seen[height if self.stalled is None else min(self.stalled, height)]
        if not ref.startswith("0x"):
            return seen[-1]
        number = int(ref, 16)
        return seen[number] if number < len(seen) else None

    def state_at(self, ref: str) -> Mined:
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
        ahead = 9 if ref in ("latest", "finalized") and self.rng.random() < self.faults.ahead else 0
        self.told["ahead"] += bool(ahead)
        entries = [_transaction(one, block) if full else one.hash for one in block.sent]
        return {
            "number": hex(block.number + ahead), "hash": block.hash, "parentHash": block.parent,
            "timestamp": hex(block.timestamp), "baseFeePerGas": hex(block.base_fee), "gasLimit": "0x1c9c380",
            "transactions": entries,
        }  # fmt: skip

    def eth_getTransactionCount(self, address: str, ref: str) -> str:
        nonce = self.state_at(ref).nonces.get(address.lower(), 0)
        while ref == "pending" and (address.lower(), nonce) in self.pool:
            nonce += 1
        return hex(nonce)

    def eth_getBalance(self, address: str, ref: str) -> str:
        return hex(self.state_at(ref).balances.get(address.lower(), START_BALANCE))

    def eth_estimateGas(self, call: Any, *ref: str) -> str:
        return hex(21_000)

    def eth_call(self, call: Any, ref: str) -> str:
        return "0x"

    def eth_gasPrice(self) -> str:
        return hex(self.base_fee + GWEI)

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
            self.told["hid a receipt"] += 1
            return None
        for block in self._seen():
            for sent in block.sent:
                if sent.hash == tx_hash:
                    return self._receipt(sent, block)
        waiting = next((sent for sent in self.pool.values() if sent.hash == tx_hash), None)
        if waiting is not None and self.rng.random() < self.faults.invent:
            self.told["invented a receipt"] += 1
            return self._receipt(waiting, self.blocks[-1])
        return None

    def _receipt(self, sent: Sent, block: Mined) -> Any:
        if self.faults.flip and self.rng.random() < self.faults.flip:
            self.told["said the opposite"] += 1
            block = replace(block, failed=block.failed ^ {sent.hash})
        if not self.faults.noisy or int(sent.hash[-2:], 16) % 16:
            return _receipt(sent, block)
        self.told["logs without measure"] += 1
        log = {"address": sent.to, "topics": ["0x" + "77" * 32], "data": "0x" + "00" * 60_000}
        return _receipt(sent, block) | {"logs": [log | {"logIndex": hex(at)} for at in range(4)]}

    def eth_getBlockReceipts(self, ref: str) -> Any:
        block = self._at(ref)
        return [] if block is None else [self._receipt(sent, block) for sent in block.sent]


class Mirror:
    """Another endpoint of the same chain, with separate faults."""

    name = "faulty#1"

    def __init__(self, node: FaultyNode, faults: Faults) -> None:
        self.node, self.faults = node, faults

    def close(self) -> None: ...

    def call(self, method: str, params: list[Any], timeout: float | None = None) -> Any:
        return self._asked(lambda: self.node.call(method, params))

    def batch(self, calls: Sequence[tuple[str, list[Any]]], timeout: float | None = None) -> list[Any]:
        return list(self._asked(lambda: self.node.batch(calls)))

    def _asked(self, ask: Callable[[], Any]) -> Any:
        own, self.node.faults = self.node.faults, self.faults
        try:
            return ask()
        finally:
            self.node.faults = own


def _elsewhere(block: Mined) -> Mined:
    """A block of an unrelated chain at the same height."""
    return replace(
        block, hash="0x" + block.hash[:1:-1], parent="0x" + block.parent[:1:-1], sent=(), nonces={}
    )


def keccak256(raw: bytes) -> bytes:
    from eth_utils.crypto import keccak

    return bytes(keccak(raw))


def _receipt(sent: Sent, block: Mined) -> Any:
    return {
        "transactionHash": sent.hash, "blockHash": block.hash, "blockNumber": hex(block.number),
        "status": "0x0" if sent.hash in block.failed else "0x1", "gasUsed": hex(21_000),
        "effectiveGasPrice": hex(min(sent.max_fee, block.base_fee + sent.tip)),
        "contractAddress": None, "logs": [],
    }  # fmt: skip


def _transaction(sent: Sent, block: Mined) -> Any:
    return {
        "hash": sent.hash, "from": sent.sender, "nonce": hex(sent.nonce), "to": sent.to, "value": hex(sent.value),
        "blockNumber": hex(block.number), "blockHash": block.hash,
    }  # fmt: skip
