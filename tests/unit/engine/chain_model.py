"""A chain with plain transfers only: blocks, a pool, reorganisations, and a node's answers to new bytes.

All randomness comes from one generator, so that a seed is a history.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

GWEI = 10**9
START_BALANCE = 10**20
FINAL_DEPTH = 4  # blocks this deep cannot be reorganised


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
    failed: frozenset[str] = frozenset()  # hashes of transactions that used their gas without effect


@dataclass
class Faults:
    """Probabilities per call or per block."""

    error: float = 0.0  # a read fails
    lost_answer: float = 0.0  # bytes are accepted, the answer is an error
    swallow: float = 0.0  # bytes are acknowledged and dropped
    delay: float = 0.0  # bytes are acknowledged and reach the pool blocks later
    forget: float = 0.0  # the pool loses a transaction, per block
    lag: float = 0.0  # a read shows the state of one or two blocks ago
    far: float = 0.0  # a read shows a synchronising node's state: many blocks ago
    invent: float = 0.0  # shows a receipt of a transaction in no block
    flip: float = 0.0  # a receipt has the opposite status
    other: float = 0.0  # a read is answered from another chain
    hang: float = 0.0  # nothing comes until the client gives up
    noisy: bool = False  # some receipts have more logs than fit into a column
    hide: float = 0.0  # a receipt is not found
    revert: float = 0.0  # mined transactions fail
    ahead: float = 0.0  # the head appears some blocks too high
    strict: bool = False  # refuses nonces with a gap
    ceil: bool = False  # replacement threshold as reth's, else geth's
    slots: int = 64


class Chain:
    """The canonical chain and the pool of one node."""

    def __init__(self, rng: random.Random, now: Callable[[], float], faults: Faults) -> None:
        self.rng, self.now, self.faults = rng, now, faults
        genesis = Mined(0, self._hash("genesis"), "0x" + "00" * 32, int(now()), GWEI, (), {}, {})
        self.blocks = [genesis]
        self.pool: dict[tuple[str, int], Sent] = {}
        self.base_fee = GWEI
        self.given: dict[str, int] = {}  # balances set by hand
        self.late: list[tuple[int, Sent]] = []  # acknowledged, but in the pool only from this height on
        self.stalled: int | None = None  # the height at which finality stands still
        self.told: Counter[str] = Counter()  # the lies so far, by name

    def mine(self, *, empty: bool = False) -> None:
        head = self.blocks[-1]
        self._admit_late(head.number + 1)
        nonces, balances = dict(head.nonces), dict(head.balances)
        balances.update(self.given)
        self.given = {}
        chosen: list[Sent] = []
        failed: set[str] = set()
        for sender in sorted({key[0] for key in self.pool}):
            while not empty and (sent := self.pool.get((sender, nonces.get(sender, 0)))) is not None:
                price = min(sent.max_fee, self.base_fee + sent.tip)
                cost = sent.value + 21_000 * price
                if sent.max_fee < self.base_fee or balances.get(sender, START_BALANCE) < cost:
                    break
                fails = sent.value and self.rng.random() < self.faults.revert
                moved = 0 if fails else sent.value
                failed |= {sent.hash} if fails else set()
                balances[sender] = balances.get(sender, START_BALANCE) - cost + sent.value - moved
                balances[sent.to] = balances.get(sent.to, START_BALANCE) + moved
                nonces[sender] = sent.nonce + 1
                chosen.append(sent)
        number = head.number + 1
        salt = f"{number}/{head.hash}/{self.rng.random()}"
        made = Mined(
            number, self._hash(salt), head.hash, int(self.now()), self.base_fee, tuple(chosen), nonces, balances,
            frozenset(failed),
        )  # fmt: skip
        self.blocks.append(made)
        self.pool = {key: sent for key, sent in self.pool.items() if key[1] >= nonces.get(key[0], 0)}
        for key in sorted(self.pool):
            if self.rng.random() < self.faults.forget:
                self.told["forgotten"] += 1
                del self.pool[key]

    def _admit_late(self, height: int) -> None:
        due = [sent for at, sent in self.late if at <= height]
        self.late = [(at, sent) for at, sent in self.late if at > height]
        for sent in due:
            if self.refusal(sent) is None:
                self.pool[sent.sender, sent.nonce] = sent

    def reorganise(self, depth: int) -> None:
        """Replace the newest blocks by as many others; their transactions return to the pool, or are lost."""
        depth = min(depth, FINAL_DEPTH - 1, len(self.blocks) - 1)
        gone = self.blocks[-depth:] if depth else []
        if any(block.sent for block in gone):
            self.told[f"reorganised {depth}"] += 1
        del self.blocks[len(self.blocks) - depth :]
        for block in gone:
            for sent in block.sent:
                if self.rng.random() < 0.6:
                    self.pool.setdefault((sent.sender, sent.nonce), sent)
        for _ in gone:
            self.mine(empty=self.rng.random() < 0.5)

    def canonical(self) -> list[Sent]:
        return [sent for block in self.blocks for sent in block.sent]

    def refusal(self, sent: Sent) -> str | None:
        """A node's refusal of these bytes; None if it accepts them."""
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
            # reth admits the next nonce, geth drops the last ones for it
            "account limit exceeded": other is None
            and sent.nonce > nonce
            and len(waiting) >= self.faults.slots,
        }
        found = next((reason for reason, holds in reasons.items() if holds), None)
        if found is not None:
            kind = (" as reth" if self.faults.ceil else " as geth") if "replacement" in found else ""
            self.told[found + kind + (f" {self.faults.slots}" if "limit" in found else "")] += 1
        return found

    def _replaces(self, old: Sent, new: Sent) -> bool:
        def least(wei: int) -> int:
            return -(-wei * 110 // 100) if self.faults.ceil else wei * 110 // 100

        return new.max_fee >= least(old.max_fee) and new.tip >= least(old.tip)

    def _hash(self, text: str) -> str:
        return "0x" + hashlib.sha256(f"{text}/{self.rng.random()}".encode()).hexdigest()
