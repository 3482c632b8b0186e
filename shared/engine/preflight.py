"""Simulate an intent on chain before it is accepted (see `chain.preflight`); fees are fetched once per block.

Failures of the called code and of the balance become refusals here. A node that does not answer remains a ChainError,
which the API answers with 503.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from shared.chain import reverts, tokens
from shared.chain.balances import Balances
from shared.chain.client import ChainClient
from shared.chain.errors import (
    AnswerTooLong,
    ExecutionReverted,
    GasLimit,
    InsufficientFunds,
    NodeError,
    NotAToken,
)
from shared.chain.types import CallRequest
from shared.domain.desk.funds import InsufficientBalance
from shared.domain.errors import InvalidValue, Refusal
from shared.domain.transactions.acceptance import MAX_TRANSACTION_GAS, PLAIN_GAS, Intent
from shared.domain.transactions.evidence import transfer_logged
from shared.domain.transactions.fees import FeeCaps, Fees
from shared.domain.transactions.transactions import Transaction

GAS_MARGIN_PERCENT = 125  # of the estimate: the cost of a call depends on the state when it runs
FEE_ROOM = 2  # × the first attempt's fee: five bumps fit into the committed gas
L1_FEE_ROOM = 2  # × the current layer-1 fee, which rises at most an eighth per block: enough for six blocks


class SimulationFailed(Refusal):
    """`data.revert` contains kind, reason, name, arguments and data of the failure."""

    code, status, message = "SIMULATION_FAILED", 422, "The transaction would fail on chain."


class SendExceedsBalance(InsufficientBalance):
    """The balance does not cover the transaction itself (422); this is not about amounts that the wallet's supplies
    have committed."""

    status = 422


@dataclass(frozen=True, slots=True)
class TriedIntent:
    """An intent that the chain would accept now, with its gas, the sender's balances at the confirmed height, and the
    wei that layer 1 charges at most in addition to the gas (0 if it charges nothing)."""

    intent: Intent
    balances: Balances
    l1_fee: int


def preflight(
    client: ChainClient, intent: Intent, *, gas: int | None, abi: Iterable[Mapping[str, Any]] = ()
) -> TriedIntent:
    """Simulate the intent on the newest state and read the balances that it draws on.

    `gas` is the sender's own limit; `abi` names the errors of a called contract that the sender has not registered.
    Raises SimulationFailed, SendExceedsBalance, InvalidValue, ChainError."""
    call = call_of(intent, gas)
    try:
        tried = client.preflight(call, intent.token_address)
    except NotAToken:
        raise InvalidValue("token.address", "is not a token on this chain") from None
    except ExecutionReverted as error:
        from shared.engine import known_errors

        known = abi or known_errors.of(intent.user_id, intent.chain, intent.to)
        revert = reverts.decode_revert(error.data, known, error.text)
        raise SimulationFailed(revert=asdict(revert)) from None
    except AnswerTooLong:
        raise SimulationFailed(
            revert={"kind": "refused", "reason": "the contract answers more than is read"}
        ) from None
    except InsufficientFunds:
        raise SendExceedsBalance from None
    except GasLimit:
        raise InvalidValue("gas", f"more than {MAX_TRANSACTION_GAS} would be needed") from None
    if tried.returned is not None:
        _check_transfer(client, intent, call, tried.returned)
    return TriedIntent(replace(intent, gas=gas or with_margin(tried.gas)), tried.balances, tried.l1_fee)


def again(client: ChainClient, row: Transaction) -> None:
    """Simulate an accepted transaction again, some time later. Raises what `preflight` raises."""
    intent = Intent(
        row.wallet_id, row.user_id, row.chain, row.from_address, row.to, row.value, row.data,
        access_list=row.access_list, token_address=row.token_address, token_recipient=row.token_recipient,
        token_amount=row.token_amount,
    )  # fmt: skip
    require_balance(intent, preflight(client, intent, gas=row.gas).balances)


def require_balance(intent: Intent, balances: Balances) -> None:
    """Check that the balance covers the value sent, because not every node checks it in an estimate. Raises
    SendExceedsBalance."""
    if intent.value > balances.coin or (intent.token_amount or 0) > (balances.token or 0):
        raise SendExceedsBalance


def _check_transfer(client: ChainClient, intent: Intent, call: CallRequest, answer: bytes) -> None:
    """Check a token transfer. Refused if the token returns false. If it returns nothing (old tokens do), its log must
    show the transfer; if a node cannot show logs, an empty answer counts as success. Raises SimulationFailed."""
    if not tokens.transfer_accepted(answer):
        raise SimulationFailed(
            revert={"kind": "refused", "reason": "the token answers that it does not transfer"}
        )
    if answer or intent.token_address is None or intent.token_recipient is None:
        return
    logs = client.simulate(call).logs
    moved = (intent.token_address, intent.from_address, intent.token_recipient, intent.token_amount or 0)
    if logs is not None and not transfer_logged(logs, *moved):
        reason = "the token answers nothing and logs no transfer"
        raise SimulationFailed(revert={"kind": "refused", "reason": reason})


def committed_gas(tried: TriedIntent, fees: Fees, caps: FeeCaps) -> int:
    """Wei to commit for gas: the first attempt's fee plus room for replacements, within the chain's caps; and the
    layer-1 fee, which nodes require in the balance too, plus room for its rise."""
    highest = min(FEE_ROOM * fees.per_gas, max(caps.max_fee_per_gas, fees.per_gas))
    return tried.intent.gas * highest + L1_FEE_ROOM * tried.l1_fee


def with_margin(estimate: int) -> int:
    """The gas limit for an estimate; a plain transfer needs no margin."""
    if estimate <= PLAIN_GAS:
        return PLAIN_GAS
    return min(MAX_TRANSACTION_GAS, -(-estimate * GAS_MARGIN_PERCENT // 100))


def call_of(intent: Intent, gas: int | None = None) -> CallRequest:
    """The intent as a call to simulate."""
    return CallRequest(intent.from_address, intent.to, intent.value, intent.data, gas, intent.access_list)


def refused(error: NodeError) -> Refusal | None:
    """The refusal that a node's error means for the caller; None if it means nothing to the caller."""
    if isinstance(error, InsufficientFunds):
        return SendExceedsBalance()
    return InvalidValue("gas", "is more than a block holds") if isinstance(error, GasLimit) else None
