"""One endpoint of a chain with its health: latency, error rate, head and rate limit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from shared.chain.errors import AnswerTooLong, ChainError, OutOfTime, RateLimited, Unreachable, WrongChain
from shared.chain.rpc import MAX_BATCH, RUNS_CONTRACTS, Call, Rpc
from shared.telemetry import metrics, tracing

Clock = Callable[[], float]
_WEIGHT: Final = 0.2  # weight of the newest observation in the moving averages
_ERROR_COST: Final = 5.0  # latency in seconds that equals certain failure
_LAG_COST: Final = 0.5  # seconds per block behind the best endpoint
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
# How long a call waits for our own rate limit before another endpoint is used.
MAX_WAIT_SECONDS: Final = 0.5
HEAD_KNOWN: Final = 60.0  # seconds for which a head is extrapolated
HEAD_MARGIN: Final = 3  # blocks that nodes may differ by
REST: Final = 2.0  # seconds without reads after a 429, three failures in a row, or one slow failure
MAX_REST: Final = 64.0  # each rest is twice the last one, until an answer arrives
TOOK_LONG: Final = 3.0  # seconds after which a failure is slow: the next caller must not wait as long


class TokenBucket:
    """Limits calls to `rate` per second on average and `burst` at once; safe for threads."""

    def __init__(self, rate: float, burst: float, clock: Clock = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._tokens, self._at = burst, clock()
        self._lock = threading.Lock()

    def take(self, amount: int = 1) -> bool:
        """Take tokens if the calls may be made now. A batch larger than the burst passes when the bucket is full."""
        with self._lock:
            now = self._clock()
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
            self._at = now
            if self._tokens < min(amount, self._burst):
                return False
            self._tokens -= amount
            return True

    def wait(self, amount: int = 1) -> float:
        """Seconds until `amount` calls may be made."""
        with self._lock:
            have = self._tokens + (self._clock() - self._at) * self._rate
            return max(0.0, (min(amount, self._burst) - have) / self._rate)


class Endpoint:
    """An Rpc that verifies its chain before its first answer is used, and measures its own health."""

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
        self.head, self._head_at = 0, 0.0  # the newest height that it has reported, and when
        self.latency, self.error_rate = 0.05, 0.0
        self._chain_id, self._verified = chain_id, False
        self._bucket = TokenBucket(rate, burst, clock)
        self._clock, self._failures, self._rest_until = clock, 0, 0.0
        self._rest = REST  # the length of the next rest
        self._sleep = sleep

    def saw(self, head: int) -> None:
        """Record the newest height that the endpoint reported."""
        self.head, self._head_at = head, self._clock()

    def head_by_now(self, block_seconds: float) -> int | None:
        """An upper estimate of the height that the endpoint has by now; None if its last report is too old."""
        age = self._clock() - self._head_at
        if not self.head or age > HEAD_KNOWN:
            return None
        return self.head + HEAD_MARGIN + int(2 * age / block_seconds)

    @property
    def healthy(self) -> bool:
        return self._clock() >= self._rest_until

    def cost(self, best_head: int) -> float:
        """The expected cost of a call in seconds; smaller is better."""
        lag = max(0, best_head - self.head - 1) if self.head else 0
        return self.latency + _ERROR_COST * self.error_rate + _LAG_COST * lag

    def call(self, method: str, params: list[Any], timeout: float | None = None) -> Any:
        """The result of a call. Raises WrongChain if this endpoint serves another chain."""
        self.verify(timeout)
        contracts = _asks_contracts([(method, params)])
        return self._measured(method, 1, lambda: self.rpc.call(method, params, timeout), contracts=contracts)

    def batch(self, calls: Sequence[Call], timeout: float | None = None) -> list[Any]:
        """The answers in order, errors in place of results. Any number of calls is sent at the allowed rate."""
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
        """The newest block that the endpoint has; waits at most `timeout` seconds. Raises ChainError."""
        try:
            return int(str(self.call("eth_blockNumber", [], timeout)), 16)
        except ValueError:
            raise Unreachable(f"{self.name}: eth_blockNumber is not a number") from None

    def verify(self, timeout: float | None = None) -> None:
        """Check once that eth_chainId is the registry's chain id; otherwise nothing may be signed or sent here."""
        if self._verified:
            return
        answer = self._measured("eth_chainId", 1, lambda: self.rpc.call("eth_chainId", [], timeout))
        try:
            found = int(answer, 16)
        except (TypeError, ValueError):
            raise Unreachable(f"{self.name}: eth_chainId is not a number") from None
        if found != self._chain_id:
            self.error_rate = 1.0  # it answers quickly, but all others come first
            raise WrongChain(f"{self.name} serves chain {found} instead of {self._chain_id}")
        self._verified = True

    def _measured(self, method: str, calls: int, ask: Callable[[], Any], *, contracts: bool = False) -> Any:
        """Call `ask` within the rate limit and record how it went. If contracts were called, an endless answer is the
        contract's fault and not the node's: nobody may cut others off from the chain by writing such a contract. Nor
        by having no time: that says nothing about the node."""
        wait = self._bucket.wait(calls)
        if 0 < wait <= MAX_WAIT_SECONDS:
            self._sleep(wait + 0.001)  # the extra covers the resolution of the clock
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
            if isinstance(error, OutOfTime) and self._clock() - started < TOOK_LONG:
                self._count("failed", self._clock() - started)
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
        if self.healthy:  # failures of calls sent before the rest began count once
            self._rest_until = self._clock() + self._rest
            self._rest = min(2 * self._rest, MAX_REST)


def _asks_contracts(calls: Sequence[Call]) -> bool:
    return any(method in RUNS_CONTRACTS for method, _ in calls)
