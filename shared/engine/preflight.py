"""What is asked of the chain before a transaction is accepted: two exchanges, and one a block for fees.

Failures of the called code and of the balance become refusals here; a node that does not answer stays a ChainError
(503 at the border).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from shared.chain import op_stack_fees, reverts, tokens, types
from shared.chain.client import ChainClient
from shared.chain.endpoints import Endpoint
from shared.chain.errors import ExecutionReverted, GasLimit, InsufficientFunds, NodeError
from shared.chain.pool import result_or_raise
from shared.chain.rpc import Call
from shared.chain.types import CallRequest
from shared.domain.desk.funds import InsufficientBalance
from shared.domain.errors import InvalidValue, Refusal
from shared.domain.transactions.acceptance import MAX_TRANSACTION_GAS, PLAIN_GAS, Intent
from shared.domain.transactions.evidence import transfer_logged
from shared.domain.transactions.fees import FeeCaps, Fees
from shared.domain.transactions.transactions import Transaction
from shared.funds.balances import Observed, balances

GAS_MARGIN_PERCENT = 125  # of the estimate: what a call costs depends on the state it meets
FEE_ROOM = 2  # × the first attempt's fee: five bumps fit into what is committed for gas
L1_FEE_ROOM = 2  # × what layer 1 costs now: its fees rise by at most an eighth a block, so for six blocks


class SimulationFailed(Refusal):
    """`data.revert` holds kind, reason, name, arguments and data of the failure."""

    code, status, message = "SIMULATION_FAILED", 422, "The transaction would fail on chain."


class SendExceedsBalance(InsufficientBalance):
    """The same for a transaction: it is refused as it stands, the wallet's supplies are not the reason."""

    status = 422


@dataclass(frozen=True, slots=True)
class Preflight:
    """What the chain says of an intent now: gas in units, balances at the confirmed height, and the wei that layer 1
    takes at most beside the gas (0 where it takes nothing)."""

    gas: int
    seen: Observed
    l1_fee: int


def preflight(
    client: ChainClient, intent: Intent, *, gas: int | None, abi: Iterable[Mapping[str, Any]] = ()
) -> Preflight:
    """Try the intent on the newest state and read the balances that it draws on.

    `gas` is the sender's own limit. Raises SimulationFailed, SendExceedsBalance, InvalidValue, ChainError."""
    tried = call_of(intent, gas)
    calls: list[Call] = [_confirmed(client), ("eth_estimateGas", [tried.encoded()])]
    if intent.token_address is not None:
        calls.append(("eth_call", [tried.encoded(), "latest"]))
    try:
        (confirmed, estimate, *returned), l1_fee = _answers(client, calls, intent)
    except ExecutionReverted as error:
        revert = reverts.decode_revert(error.data, abi, error.text)
        raise SimulationFailed(revert=asdict(revert)) from None
    except InsufficientFunds:
        raise SendExceedsBalance from None
    except GasLimit:
        raise InvalidValue("gas", f"more than {MAX_TRANSACTION_GAS} would be needed") from None
    seen = balances(client, intent.from_address, intent.token_address, _height(client, confirmed))
    if returned:
        _check_transfer(client, intent, tried, types.data(returned[0]))
    return Preflight(gas or with_margin(types.quantity(estimate)), seen, l1_fee)


def _answers(client: ChainClient, calls: list[Call], intent: Intent) -> tuple[list[Any], int]:
    """The calls' answers and, from the same exchange, what layer 1 takes. A node whose fee oracle fails is passed over:
    without its word nothing is accepted (ChainError), and its revert is not one of the intent."""
    oracle = client.spec.fee_oracle
    if oracle is None:
        return client.batch(calls), 0
    fee = op_stack_fees.asked(oracle, op_stack_fees.unsigned_size(intent.data, intent.access_list))

    def ask(endpoint: Endpoint) -> tuple[list[Any], int]:
        *answers, l1_fee = endpoint.batch([*calls, fee])
        return [result_or_raise(answer) for answer in answers], op_stack_fees.wei(l1_fee)

    return client.pool.read(ask)


def again(client: ChainClient, row: Transaction) -> None:
    """Try a transaction that was accepted some time ago, as it stands. Raises what `preflight` raises."""
    intent = Intent(
        row.wallet_id, row.user_id, row.chain, row.from_address, row.to, row.value, row.data,
        access_list=row.access_list, token_address=row.token_address, token_recipient=row.token_recipient,
        token_amount=row.token_amount,
    )  # fmt: skip
    require_balance(intent, preflight(client, intent, gas=row.gas).seen)


def require_balance(intent: Intent, seen: Observed) -> None:
    """What is sent is there: not every node looks at that when it estimates. Raises SendExceedsBalance."""
    if intent.value > seen.coin or (intent.token_amount or 0) > (seen.token or 0):
        raise SendExceedsBalance


def _check_transfer(client: ChainClient, intent: Intent, tried: CallRequest, answer: bytes) -> None:
    """A token that says no is refused, and one that says nothing (old ones do) unless its log says that it
    transfers; where a node cannot tell the logs, nothing counts as yes. Raises SimulationFailed."""
    if not tokens.transfer_accepted(answer):
        raise SimulationFailed(
            revert={"kind": "refused", "reason": "the token answers that it does not transfer"}
        )
    if answer or intent.token_address is None or intent.token_recipient is None:
        return
    logs = client.simulate(tried).logs
    moved = (intent.token_address, intent.from_address, intent.token_recipient, intent.token_amount or 0)
    if logs is not None and not transfer_logged(logs, *moved):
        reason = "the token answers nothing and logs no transfer"
        raise SimulationFailed(revert={"kind": "refused", "reason": reason})


def balance_and_count(client: ChainClient, address: str) -> tuple[int, int]:
    """Wei at the chain's confirmed height, and the newest transaction count."""
    number = max(0, client.confirmed_number())
    balance, count = client.batch(
        [("eth_getBalance", [address, hex(number)]), ("eth_getTransactionCount", [address, "latest"])]
    )
    return types.quantity(balance), types.quantity(count)


def committed_gas(found: Preflight, fees: Fees, caps: FeeCaps) -> int:
    """Wei to hold back for gas: room for replacements above the first attempt's fee, within the chain's caps; and for
    layer 1, which nodes want to see in the balance too, with room for its own fees to rise."""
    highest = min(FEE_ROOM * fees.per_gas, max(caps.max_fee_per_gas, fees.per_gas))
    return found.gas * highest + L1_FEE_ROOM * found.l1_fee


def with_margin(estimate: int) -> int:
    """A gas limit for an estimate; a plain transfer costs what it costs."""
    if estimate <= PLAIN_GAS:
        return PLAIN_GAS
    return min(MAX_TRANSACTION_GAS, -(-estimate * GAS_MARGIN_PERCENT // 100))


def call_of(intent: Intent, gas: int | None = None) -> CallRequest:
    """The intent as a call that is only tried."""
    entries = json.loads(intent.access_list) if intent.access_list else None
    return CallRequest(intent.from_address, intent.to, intent.value, intent.data, gas, entries)


def refused(error: NodeError) -> Refusal | None:
    """What a node's refusal to try a call means to the caller, None when it means nothing to them."""
    if isinstance(error, InsufficientFunds):
        return SendExceedsBalance()
    return InvalidValue("gas", "is more than a block holds") if isinstance(error, GasLimit) else None


def _confirmed(client: ChainClient) -> tuple[str, list[Any]]:
    policy = client.spec.confirmations
    return ("eth_blockNumber", []) if isinstance(policy, int) else ("eth_getBlockByNumber", [policy, False])


def _height(client: ChainClient, answer: Any) -> int:
    """The confirmed height from the answer to `_confirmed`; the first block where there is none yet."""
    policy = client.spec.confirmations
    if isinstance(policy, int):
        return max(0, types.quantity(answer) + 1 - policy)
    found = types.block(answer)
    return found.number if found else 0
