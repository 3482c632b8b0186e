"""One endpoint of a chain with its health: latency, error rate, head, and how fast it may be asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from shared.chain.errors import AnswerTooLong, ChainError, RateLimited, Unreachable, WrongChain
from shared.chain.rpc import MAX_BATCH, Call, Rpc
from shared.telemetry import metrics, tracing

Clock = Callable[[], float]
_WEIGHT: Final = 0.2  # of the newest observation in the moving averages
_ERROR_COST: Final = 5.0  # seconds that a certain failure is worth against latency
_LAG_COST: Final = 0.5  # seconds per block behind the best
RPC_CALLS = metrics.counter(
    "wallet_rpc_calls_total",
    "Exchanges with nodes: answered, failed or limited.",
    "chain",
    "endpoint",
    "outcome",
)
RPC_SECONDS = metrics.histogram(
    "wallet_rpc_seconds", "How long exchanges with nodes take.", "chain", "endpoint"
)
PATIENCE: Final = 0.5  # seconds that a call waits for our own limit before another endpoint is asked
HEAD_KNOWN: Final = 60.0  # seconds that a head is reckoned on from
HEAD_MARGIN: Final = 3  # blocks that nodes may be apart
REST: Final = 2.0  # seconds without reads after a 429, three failures in a row, or one that took long
LONGEST_REST: Final = 64.0  # each rest is twice the last one until an answer comes
TOOK_LONG: Final = 3.0  # seconds without an answer: whoever asks next is not to wait for it


class TokenBucket:
    """At most `rate` calls a second on average, `burst` at once; safe for threads."""

    def __init__(self, rate: float, burst: float, clock: Clock = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._tokens, self._at = burst, clock()
        self._lock = threading.Lock()

    def take(self, amount: int = 1) -> bool:
        """Whether the calls may be made now; a batch larger than the burst passes when the bucket is full."""
        with self._lock:
            now = self._clock()
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
            self._at = now
            if self._tokens < min(amount, self._burst):
                return False
            self._tokens -= amount
            return True

    def wait(self, amount: int = 1) -> float:
        """Seconds until so many calls may be made."""
        with self._lock:
            have = self._tokens + (self._clock() - self._at) * self._rate
            return max(0.0, (min(amount, self._burst) - have) / self._rate)


class Endpoint:
    """An Rpc that verifies its chain before its first answer is believed and learns how well it does."""

    def __init__(
        self,
        rpc: Rpc,
        chain_id: int,
        *,
        rate: float = 1_000.0,
        burst: float = 2_000.0,
        clock: Clock = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.rpc, self.name = rpc, rpc.name
        self.head, self._head_at = 0, 0.0  # the newest height that it has told, and when
        self.latency, self.error_rate = 0.05, 0.0
        self._chain_id, self._verified = chain_id, False
        self._bucket = TokenBucket(rate, burst, clock)
        self._clock, self._failures, self._rest_until = clock, 0, 0.0
        self._rest = REST  # how long the next one takes
        self._sleep = sleep

    def saw(self, head: int) -> None:
        """It has told its newest height."""
        self.head, self._head_at = head, self._clock()

    def head_by_now(self, block_seconds: float) -> int | None:
        """The height that it can have reached since it told one, generously; None where that is long ago."""
        age = self._clock() - self._head_at
        if not self.head or age > HEAD_KNOWN:
            return None
        return self.head + HEAD_MARGIN + int(2 * age / block_seconds)

    @property
    def healthy(self) -> bool:
        return self._clock() >= self._rest_until

    def cost(self, best_head: int) -> float:
        """Smaller is better, in seconds of expected trouble."""
        lag = max(0, best_head - self.head - 1) if self.head else 0
        return self.latency + _ERROR_COST * self.error_rate + _LAG_COST * lag

    def call(self, method: str, params: list[Any], timeout: float | None = None) -> Any:
        """The result; WrongChain when this endpoint serves another chain."""
        self.verify(timeout)
        contracts = _asks_contracts([(method, params)])
        return self._measured(method, 1, lambda: self.rpc.call(method, params, timeout), contracts=contracts)

    def batch(self, calls: Sequence[Call], timeout: float | None = None) -> list[Any]:
        """The answers in order, errors in place. However many, they go out at the pace that is allowed."""
        self.verify(timeout)
        answers: list[Any] = []
        for start in range(0, len(calls), MAX_BATCH):
            ask = partial(self.rpc.batch, calls[start : start + MAX_BATCH], timeout)
            answers += self._measured("batch", len(ask.args[0]), ask, contracts=_asks_contracts(ask.args[0]))
        if any(
            isinstance(answer, RateLimited) for answer in answers
        ):  # hosted nodes limit single calls of a batch
            self._take_rest()
        return answers

    def height(self, timeout: float) -> int:
        """The newest block that it knows; it has `timeout` seconds. Raises ChainError."""
        try:
            return int(str(self.call("eth_blockNumber", [], timeout)), 16)
        except ValueError:
            raise Unreachable(f"{self.name}: eth_blockNumber is not a number") from None

    def verify(self, timeout: float | None = None) -> None:
        """Asked once: eth_chainId must be the registry's, else nothing may be signed or sent here."""
        if self._verified:
            return
        answer = self._measured("eth_chainId", 1, lambda: self.rpc.call("eth_chainId", [], timeout))
        try:
            found = int(answer, 16)
        except (TypeError, ValueError):
            raise Unreachable(f"{self.name}: eth_chainId is not a number") from None
        if found != self._chain_id:
            raise WrongChain(f"{self.name} serves chain {found} instead of {self._chain_id}")
        self._verified = True

    def _measured(self, method: str, calls: int, ask: Callable[[], Any], *, contracts: bool = False) -> Any:
        """What `ask` gives. Where contracts were asked, an answer without end is theirs and not the node's fault:
        whoever writes one must not be able to keep everybody else from the chain."""
        wait = self._bucket.wait(calls)
        if 0 < wait <= PATIENCE:
            self._sleep(wait + 0.001)  # a clock's own steps
        if not self._bucket.take(calls):
            raise RateLimited(f"{self.name}: our own limit")
        started = self._clock()
        try:
            with tracing.span(f"rpc {method}", rpc_system="jsonrpc", rpc_method=method, endpoint=self.name):
                result = ask()
        except (Unreachable, RateLimited) as error:
            if contracts and isinstance(error, AnswerTooLong):
                self._answered(started)
                raise
            self._failed(error, self._clock() - started)
            raise
        except ChainError:
            self._answered(started)
            raise
        self._answered(started)
        return result

    def _answered(self, started: float) -> None:
        self._count("answered", self._clock() - started)
        self.latency += _WEIGHT * (self._clock() - started - self.latency)
        self.error_rate *= 1 - _WEIGHT
        self._failures, self._rest = 0, REST

    def _count(self, outcome: str, seconds: float) -> None:
        chain = self.name.partition("#")[0]
        RPC_CALLS.add(chain=chain, endpoint=self.name, outcome=outcome)
        RPC_SECONDS.record(seconds, chain=chain, endpoint=self.name)

    def _failed(self, error: ChainError, seconds: float) -> None:
        self._count("limited" if isinstance(error, RateLimited) else "failed", seconds)
        self.error_rate += _WEIGHT * (1 - self.error_rate)
        self._failures += 1
        if isinstance(error, RateLimited) or self._failures >= 3 or seconds >= TOOK_LONG:
            self._take_rest()

    def _take_rest(self) -> None:
        if self.healthy:  # what was asked before it began to rest counts once
            self._rest_until = self._clock() + self._rest
            self._rest = min(2 * self._rest, LONGEST_REST)


def _asks_contracts(calls: Sequence[Call]) -> bool:
    return any(method == "eth_call" for method, _ in calls)
