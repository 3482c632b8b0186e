"""Wait for a state of a resource: poll it repeatedly, always in its newest version, for at most `timeout` seconds.

To wait for many resources, `client.events.stream()` is more efficient.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Generator
from typing import TYPE_CHECKING, Any, TypeVar

from web3_wallet_client.errors import EndedOtherwise, WaitTimeout
from web3_wallet_client.models import Claim, Contract, ContractDetail, Order, PublicOrder, Supply, Transaction

if TYPE_CHECKING:
    from web3_wallet_client.client import AsyncWalletClient, WalletClient

T = TypeVar("T")
FIRST, LONGEST = 0.2, 2.0  # seconds between two requests
FINAL = 3600.0  # seconds: networks take a quarter of an hour and more until a block is final
SENT = frozenset({"submitted", "mined"})  # the chain may already know the transaction


def pauses(what: str, timeout: float, last: Callable[[], Any]) -> Generator[float]:
    """Seconds to sleep between requests. Raises WaitTimeout."""
    until, pause = time.monotonic() + timeout, FIRST
    while True:
        left = until - time.monotonic()
        if left <= 0:
            raise WaitTimeout(f"{what} has not happened within {timeout:g} s", last())
        yield min(pause, left)
        pause = min(pause * 1.5, LONGEST)


def settled(what: str, seen: T, status: str, wanted: str, still: Collection[str]) -> bool:
    """Whether the status is the wanted one. Raises EndedOtherwise if the wanted status cannot follow any more."""
    if status == wanted:
        return True
    if status not in still:
        reason = getattr(seen, "reason", None) or getattr(seen, "error", None)
        raise EndedOtherwise(f"{what} is {status}{f': {reason}' if reason else ''}", seen)
    return False


def supply_active(seen: Supply) -> bool:
    return settled(f"supply {seen.id}", seen, seen.status, "active", {"pending", "paused", "exhausted"})


def order_completed(seen: Order | PublicOrder) -> bool:
    return settled(f"order {seen.id}", seen, seen.status, "completed", {"open", "claimed", "processing"})


def claim_processed(seen: Claim) -> bool:
    return settled(f"claim {seen.id}", seen, seen.status, "processed", {"claimed", "processing"})


def contract_deployed(seen: ContractDetail | Contract) -> bool:
    return settled(f"contract {seen.id}", seen, seen.status, "deployed", {"deploying"})


def transaction_confirmed(seen: Transaction) -> bool:
    return settled(f"transaction {seen.id}", seen, seen.status, "confirmed", SENT | {"queued"})


def transaction_final(seen: Transaction) -> bool:
    """Whether the transaction is confirmed, and so deep that the chain does not reverse it."""
    return transaction_confirmed(seen) and seen.finalized


class Waits:
    """`client.wait`: each method returns the resource once it has the expected state."""

    def __init__(self, client: WalletClient) -> None:
        self._client = client

    def supply_active(self, supply_id: str, *, timeout: float = 60.0) -> Supply:
        """Wait until orders can reserve from the supply. Raises EndedOtherwise with the `reason`, or WaitTimeout."""
        return self._until(lambda: self._client.supplies.get(supply_id, fresh=True), supply_active, timeout)

    def order_completed(self, order_id: str, *, timeout: float = FINAL) -> Order | PublicOrder:
        """Wait until the order is paid and the payment is final. Raises EndedOtherwise, or WaitTimeout."""
        return self._until(lambda: self._client.orders.get(order_id, fresh=True), order_completed, timeout)

    def claim_processed(self, claim_id: str, *, timeout: float = FINAL) -> Claim:
        """Wait until the claim's payment is final. Raises EndedOtherwise, or WaitTimeout."""
        return self._until(lambda: self._client.claims.get(claim_id, fresh=True), claim_processed, timeout)

    def transaction_confirmed(self, transaction_id: str, *, timeout: float = 300.0) -> Transaction:
        """Wait until the transaction succeeded at the depth that its chain's `confirmations` name; only a deep
        reorganisation can still undo it. Raises EndedOtherwise (reverted, rejected …), or WaitTimeout."""
        return self._until(
            lambda: self._client.transactions.get(transaction_id, fresh=True), transaction_confirmed, timeout
        )

    def transaction_final(self, transaction_id: str, *, timeout: float = FINAL) -> Transaction:
        """Wait until the transaction is final. Raises EndedOtherwise (reverted, rejected …), or WaitTimeout."""
        return self._until(
            lambda: self._client.transactions.get(transaction_id, fresh=True), transaction_final, timeout
        )

    def contract_deployed(self, contract_id: str, *, timeout: float = 300.0) -> ContractDetail:
        """Wait until the contract's code is on chain. Raises EndedOtherwise, or WaitTimeout."""
        return self._until(
            lambda: self._client.contracts.get(contract_id, fresh=True), contract_deployed, timeout
        )

    def _until(self, look: Callable[[], T], done: Callable[[T], bool], timeout: float) -> T:
        seen = look()
        between = pauses(done.__name__.replace("_", " "), timeout, lambda: seen)
        while not done(seen):
            time.sleep(next(between))
            seen = look()
        return seen


class AsyncWaits:
    """`client.wait`: each method returns the resource once it has the expected state."""

    def __init__(self, client: AsyncWalletClient) -> None:
        self._client = client

    async def supply_active(self, supply_id: str, *, timeout: float = 60.0) -> Supply:
        """Wait until orders can reserve from the supply. Raises EndedOtherwise with the `reason`, or WaitTimeout."""
        return await self._until(
            lambda: self._client.supplies.get(supply_id, fresh=True), supply_active, timeout
        )

    async def order_completed(self, order_id: str, *, timeout: float = FINAL) -> Order | PublicOrder:
        """Wait until the order is paid and the payment is final. Raises EndedOtherwise, or WaitTimeout."""
        return await self._until(
            lambda: self._client.orders.get(order_id, fresh=True), order_completed, timeout
        )

    async def claim_processed(self, claim_id: str, *, timeout: float = FINAL) -> Claim:
        """Wait until the claim's payment is final. Raises EndedOtherwise, or WaitTimeout."""
        return await self._until(
            lambda: self._client.claims.get(claim_id, fresh=True), claim_processed, timeout
        )

    async def transaction_confirmed(self, transaction_id: str, *, timeout: float = 300.0) -> Transaction:
        """Wait until the transaction succeeded at the depth that its chain's `confirmations` name; only a deep
        reorganisation can still undo it. Raises EndedOtherwise (reverted, rejected …), or WaitTimeout."""
        return await self._until(
            lambda: self._client.transactions.get(transaction_id, fresh=True), transaction_confirmed, timeout
        )

    async def transaction_final(self, transaction_id: str, *, timeout: float = FINAL) -> Transaction:
        """Wait until the transaction is final. Raises EndedOtherwise (reverted, rejected …), or WaitTimeout."""
        return await self._until(
            lambda: self._client.transactions.get(transaction_id, fresh=True), transaction_final, timeout
        )

    async def contract_deployed(self, contract_id: str, *, timeout: float = 300.0) -> ContractDetail:
        """Wait until the contract's code is on chain. Raises EndedOtherwise, or WaitTimeout."""
        return await self._until(
            lambda: self._client.contracts.get(contract_id, fresh=True), contract_deployed, timeout
        )

    async def _until(self, look: Callable[[], Awaitable[T]], done: Callable[[T], bool], timeout: float) -> T:
        seen = await look()
        between = pauses(done.__name__.replace("_", " "), timeout, lambda: seen)
        while not done(seen):
            await asyncio.sleep(next(between))
            seen = await look()
        return seen
