"""ChainClient: the typed interface to an EVM chain. All failures are `errors.ChainError`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from shared.chain import balances, fees, tokens, types
from shared.chain.balances import Balances, Observations
from shared.chain.block_receipts import block_receipts
from shared.chain.broadcast import SendResult, send_many
from shared.chain.endpoints import Endpoint
from shared.chain.errors import (
    ChainError,
    ExecutionReverted,
    Lagging,
    MethodMissing,
    NodeError,
    NotAToken,
    RateLimited,
    Unreachable,
    WrongChain,
)
from shared.chain.pool import Pool, result_or_raise
from shared.chain.preflight import Preflight, preflight
from shared.chain.registry import ChainSpec
from shared.chain.rpc import Call, Remaining, RpcClient
from shared.chain.types import Block, BlockRef, CallRequest, MinedTransaction, Nonces, Simulation, block_ref
from shared.domain.transactions.evidence import Receipt

T = TypeVar("T")


class ChainClient:
    """Client for one chain; safe for threads. Amounts are in wei or token base units."""

    def __init__(self, spec: ChainSpec, pool: Pool, *, seconds: Callable[[], float] = time.monotonic) -> None:
        self.spec, self.pool, self._seconds = spec, pool, seconds
        self._fees: tuple[float, int, fees.FeeSnapshot] | None = None  # (when, at which head, fees)
        self._fees_lock = threading.Lock()
        self._seen = Observations(spec.block_seconds, seconds)

    @classmethod
    def connect(
        cls,
        spec: ChainSpec,
        urls: Sequence[str],
        *,
        rate: float = 1_000.0,
        burst: float = 2_000.0,
        remaining: Remaining | None = None,
    ) -> ChainClient:
        """Create a client for these endpoints; `rate` and `burst` limit the calls per second to each."""
        endpoints = [
            Endpoint(
                RpcClient(f"{spec.name}#{number}", url, remaining=remaining),
                spec.chain_id,
                rate=rate,
                burst=burst,
            )
            for number, url in enumerate(urls)
        ]
        return cls(spec, Pool(endpoints))

    def close(self) -> None:
        self.pool.close()

    def request(self, method: str, *params: Any) -> Any:
        """Call any read method and return the node's result."""
        return self.pool.read(lambda endpoint: endpoint.call(method, list(params)))

    def chain_id(self) -> int:
        """The chain id of the registry, confirmed by every reachable endpoint. Raises WrongChain, Unreachable."""
        answers = self.pool.broadcast(lambda endpoint: endpoint.verify())
        failures = [answer for answer in answers if answer is not None]
        for failure in failures:
            passes = isinstance(failure, RateLimited | Unreachable) and not isinstance(failure, WrongChain)
            if len(failures) == len(answers) or not passes:
                raise failure
        return self.spec.chain_id

    def block_number(self) -> int:
        return self.pool.read(_block_number)

    def head(self) -> Block:
        block = self.block("latest")
        assert block is not None
        return block

    def block(self, ref: BlockRef) -> Block | None:
        """The block at a height or tag; None if the chain has none at the height (yet). Raises Lagging if no node shows
        one for the tag."""

        def ask(endpoint: Endpoint) -> Block | None:
            block = types.block(endpoint.call("eth_getBlockByNumber", [block_ref(ref), False]))
            if block is None and isinstance(ref, str):
                raise Lagging(f"the node shows no {ref} block")
            if block is not None and ref == "latest":
                endpoint.saw(block.number)
            return block

        return self.pool.read(ask)

    def hashes(self, numbers: Sequence[int]) -> list[str | None]:
        """The hashes of the blocks at these heights; None if the node shows no block or an unreadable one."""
        return self.pool.each([("eth_getBlockByNumber", [hex(one), False]) for one in numbers], types.hash_of)

    def confirmed_number(self) -> int:
        """The newest height at the chain's confirmation depth or tag; -1 if there is none."""
        policy = self.spec.confirmations
        if isinstance(policy, int):
            number = max(-1, self.block_number() + 1 - policy)
        else:
            try:
                block = self.block(policy)
            except Lagging:
                block = None
            number = -1 if block is None else block.number
        return self._plausible(number) if number > 0 else number

    def balance(self, address: str, block: int | None = None) -> tuple[int, int]:
        """(wei, height of the read), at `block` or at the newest block."""

        def ask(endpoint: Endpoint) -> tuple[int, int]:
            number = _block_number(endpoint) if block is None else block
            return types.quantity(endpoint.call(*balances.native_balance(address, number))), number

        return self.pool.read(ask)

    def native_balances(self, addresses: Sequence[str], block: int) -> list[int]:
        """Wei of each address after the block at a height, in one exchange."""
        return [held or 0 for held in self._seen.ask(self.pool, [(one, None) for one in addresses], block)]

    def balances(self, address: str, token: str | None = None, block: int | None = None) -> Balances:
        """Wei and base units in one exchange, at `block` or at the confirmed height. Raises NotAToken."""
        height = max(0, self.confirmed_number()) if block is None else block
        return self._seen.at_block(self.pool, address, token, height)

    def balances_of_tokens(self, address: str, among: Sequence[str]) -> tuple[int, list[int], int]:
        """(wei, base units of each token, height of the read), at the newest height."""
        number = self.block_number()
        return *balances.of_tokens(self.pool, address, among, number), number

    def balance_and_nonce(self, address: str) -> tuple[int, int]:
        """Wei at the chain's confirmed height, and the newest transaction count."""
        height = max(0, self.confirmed_number())
        calls = [balances.native_balance(address, height), ("eth_getTransactionCount", [address, "latest"])]
        balance, count = self.pool.batch(calls)
        return types.quantity(balance), types.quantity(count)

    def _plausible(self, confirmed: int) -> int:
        """Limit a node's confirmed height to what a quorum can have reached: a balance at an invented height would
        take precedence over all later ones."""
        ceiling = self.pool.ceiling(_block_number, self.spec.block_seconds)
        policy = self.spec.confirmations
        if ceiling is None:
            return confirmed
        return min(confirmed, max(0, ceiling + 1 - policy if isinstance(policy, int) else ceiling))

    def token_metadata(self, token: str) -> tuple[int | None, str | None]:
        """The (decimals, symbol) that the contract returns; None for an invalid answer."""
        return balances.token_metadata(self.pool, token)

    def token_balance(self, token: str, address: str, block: int | None = None) -> tuple[int, int]:
        """(base units, height of the read). Raises Ambiguous, usually NotAToken, if there is no ERC-20 at `token`."""

        def ask(endpoint: Endpoint) -> tuple[int, int]:
            number = _block_number(endpoint) if block is None else block
            answer = endpoint.call(*balances.token_balance(token, address, number))
            amount = tokens.uint(types.data(answer))
            if amount is None:
                raise NotAToken("balanceOf answered nothing")
            return amount, number

        return self.pool.read(ask)

    def nonce(self, address: str, ref: BlockRef = "latest") -> int:
        return types.quantity(self.request("eth_getTransactionCount", address, block_ref(ref)))

    def nonces(self, addresses: Sequence[str], finalized_number: int) -> list[Nonces]:
        """The latest, pending and finalized counts of lanes, in one exchange with one endpoint. The finalized count is
        0 (unknown) if there is no finalized block or no node has its state any more."""
        final = [hex(finalized_number)] if finalized_number >= 0 else []
        try:
            counts = self._counts(addresses, ["latest", "pending", *final])
        except Lagging:
            counts = self._counts(addresses, ["latest", "pending"])
        return [
            Nonces(latest, pending, known[0] if known else 0, finalized_number)
            for latest, pending, *known in counts
        ]

    def _counts(self, addresses: Sequence[str], refs: Sequence[str]) -> list[list[int]]:
        calls = [("eth_getTransactionCount", [address, ref]) for address in addresses for ref in refs]
        counts = [types.quantity(answer) for answer in self.pool.batch(calls)]
        return [counts[at : at + len(refs)] for at in range(0, len(counts), len(refs))]

    def estimate_gas(self, call: CallRequest) -> int:
        """The gas estimate of a call. Raises ExecutionReverted, InsufficientFunds, GasLimit."""
        return types.quantity(self.request("eth_estimateGas", call.encoded()))

    def call(self, call: CallRequest, ref: BlockRef = "latest") -> bytes:
        """Run eth_call and return the return data. Raises ExecutionReverted."""
        return types.data(self.request("eth_call", call.encoded(), block_ref(ref)))

    def preflight(self, call: CallRequest, token: str | None = None) -> Preflight:
        """Simulate a call and read its sender's balances; see `chain.preflight`."""
        return preflight(self.spec, self.pool, call, token, plausible=self._plausible, seen=self._seen)

    def simulate(self, call: CallRequest) -> Simulation:
        """Simulate a call now with eth_simulateV1, or with eth_call and eth_estimateGas if that is missing.

        Creations always use eth_call: anvil 1.7.1 cannot simulate them. Raises InsufficientFunds and other refusals
        that the called code did not cause."""
        if call.to is None:
            return self.simulate_by_call(call)
        body = {"blockStateCalls": [{"calls": [call.encoded()]}], "validation": False}
        try:
            answer = self.request("eth_simulateV1", body, "latest")
        except MethodMissing:
            return self.simulate_by_call(call)
        return types.parsed(lambda blocks: types.simulation(blocks[0]["calls"][0]), answer)

    def simulate_by_call(self, call: CallRequest) -> Simulation:
        try:
            returned = self.call(call)
            return Simulation(True, self.estimate_gas(call), returned, b"", "", None)
        except ExecutionReverted as error:
            return Simulation(False, 0, b"", error.data, error.text, ())

    def fee_snapshot(self) -> fees.FeeSnapshot:
        """The fees for all senders of this process, cached until a newer block is seen, for one block time at most."""
        with self._fees_lock:
            head = max(endpoint.head for endpoint in self.pool.endpoints)
            known, now = self._fees, self._seconds()
            if known is None or head > known[1] or now - known[0] > self.spec.block_seconds:
                known = self._fees = (now, head, self._ask_fees())
            return known[2]

    def _ask_fees(self) -> fees.FeeSnapshot:
        if self.spec.fee_kind == "legacy":
            number, price = self.pool.batch([("eth_blockNumber", []), ("eth_gasPrice", [])])
            return fees.from_gas_price(self.spec, types.quantity(number), types.quantity(price))
        wanted = list(fees.PERCENTILES.values())
        return fees.from_history(
            self.spec, self.request("eth_feeHistory", hex(fees.BLOCKS), "latest", wanted)
        )

    def send_many(self, raws: Sequence[bytes]) -> list[SendResult]:
        """Send to all healthy endpoints, in order, in one exchange per endpoint and hundred; never raises for a node's
        answer."""
        return send_many(self.pool, raws)

    def transaction(self, tx_hash: str) -> MinedTransaction | None:
        """What one node shows, mined or waiting; None when it knows none. Proves nothing by itself."""
        return types.transaction(self.request("eth_getTransactionByHash", tx_hash))

    def receipt(self, tx_hash: str) -> Receipt | None:
        return types.receipt(self.request("eth_getTransactionReceipt", tx_hash))

    def receipts(self, hashes: Sequence[str]) -> list[Receipt | None]:
        """The receipts of these hashes; None if the node shows none (it may still be indexing) or an unreadable one."""
        return self.pool.each([("eth_getTransactionReceipt", [tx_hash]) for tx_hash in hashes], types.receipt)

    def receipts_of_block(self, number: int) -> tuple[Receipt, ...]:
        """All receipts of the canonical block at a height; () if there is no such block yet."""
        return self.pool.read(lambda endpoint: block_receipts(endpoint, number))

    def code(self, address: str, ref: BlockRef = "latest") -> bytes:
        return types.data(self.request("eth_getCode", address, block_ref(ref)))

    def code_and_storage(self, address: str, slots: Sequence[str]) -> tuple[bytes, list[bytes]]:
        """The current code of an address and its storage at these slots (32 bytes each), in one exchange."""
        stored: list[Call] = [("eth_getStorageAt", [address, slot, "latest"]) for slot in slots]
        code, *values = self.pool.batch([("eth_getCode", [address, "latest"]), *stored])
        return types.data(code), [types.data(value) for value in values]

    def code_and_call(self, call: CallRequest, seconds: float) -> tuple[bytes, bytes | NodeError]:
        """The current code of the called address, and the call's return data or error: in one exchange, and within
        `seconds` with however many endpoints. Raises ChainError for failures that no contract caused."""
        until = self._seconds() + seconds
        calls: list[Call] = [
            ("eth_getCode", [call.to, "latest"]),
            ("eth_call", [call.encoded(), "latest"]),
        ]
        code, answer = self.pool.read(lambda endpoint: endpoint.batch(calls, until - self._seconds()))
        return types.data(result_or_raise(code)), _returned(answer)

    def call_many(
        self, wanted: Sequence[tuple[str, bytes]], ref: BlockRef = "latest"
    ) -> list[bytes | NodeError]:
        """The result of each (address, data) call, or its error, from one node in one exchange.

        Raises ChainError for failures that no contract caused."""
        place = block_ref(ref)
        calls: list[Call] = [
            ("eth_call", [{"to": to, "input": "0x" + data.hex()}, place]) for to, data in wanted
        ]
        return [_returned(answer) for answer in self.pool.read(lambda endpoint: endpoint.batch(calls))]


def _returned(answer: Any) -> bytes | NodeError:
    if isinstance(answer, NodeError) and not isinstance(answer, Lagging):
        return answer
    if isinstance(answer, ChainError):
        raise answer
    return types.data(answer)


def _block_number(endpoint: Endpoint) -> int:
    number = types.quantity(endpoint.call("eth_blockNumber", []))
    endpoint.saw(number)
    return number
