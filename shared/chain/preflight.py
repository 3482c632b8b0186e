"""Check a transaction on chain before it is accepted: simulate it on the newest state and read balances.

This takes two exchanges: first the simulation, the layer-1 fee and the confirmed height; then the balances at that
height, unless they are cached.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.chain import op_stack_fees, types
from shared.chain.balances import Balances, Observations
from shared.chain.endpoints import Endpoint
from shared.chain.pool import Pool, result_or_raise
from shared.chain.registry import ChainSpec
from shared.chain.rpc import Call
from shared.chain.types import CallRequest


@dataclass(frozen=True, slots=True)
class Preflight:
    """The estimated gas, the sender's balances at the confirmed height, and the wei that layer 1 charges at most in
    addition to the gas (0 if it charges nothing). `returned` is the call's return data if a token is given."""

    gas: int
    balances: Balances
    l1_fee: int
    returned: bytes | None = None


def preflight(
    spec: ChainSpec,
    pool: Pool,
    call: CallRequest,
    token: str | None,
    *,
    plausible: Callable[[int], int],
    seen: Observations,
) -> Preflight:
    """Simulate a call and read its sender's balances, including the token's if given. `plausible` bounds the height
    that a node reports; `seen` caches balances.

    Raises ExecutionReverted, InsufficientFunds, GasLimit (the node's answer to the call), NotAToken, ChainError."""
    calls: list[Call] = [_confirmed(spec), ("eth_estimateGas", [call.encoded()])]
    if token is not None:
        calls.append(("eth_call", [call.encoded(), "latest"]))
    (confirmed, estimate, *returned), l1_fee = _answers(spec, pool, calls, call)
    held = seen.at_block(pool, call.from_address, token, plausible(_height(spec, confirmed)))
    return Preflight(types.quantity(estimate), held, l1_fee, types.data(returned[0]) if returned else None)


def _answers(spec: ChainSpec, pool: Pool, calls: list[Call], call: CallRequest) -> tuple[list[Any], int]:
    """The calls' answers and, from the same exchange, the layer-1 fee. A node whose fee oracle fails is skipped:
    nothing is accepted without the fee (ChainError), and the oracle's revert is not the call's."""
    if spec.fee_oracle is None:
        return pool.batch(calls), 0
    fee = op_stack_fees.fee_call(spec.fee_oracle, op_stack_fees.unsigned_size(call.data, call.access_list))

    def ask(endpoint: Endpoint) -> tuple[list[Any], int]:
        *answers, l1_fee = endpoint.batch([*calls, fee])
        return [result_or_raise(answer) for answer in answers], op_stack_fees.wei(l1_fee)

    return pool.read(ask)


def _confirmed(spec: ChainSpec) -> Call:
    policy = spec.confirmations
    return ("eth_blockNumber", []) if isinstance(policy, int) else ("eth_getBlockByNumber", [policy, False])


def _height(spec: ChainSpec, answer: Any) -> int:
    """The confirmed height from the answer to `_confirmed`; block 0 if there is none yet."""
    policy = spec.confirmations
    if isinstance(policy, int):
        return max(0, types.quantity(answer) + 1 - policy)
    block = types.block(answer)
    return block.number if block else 0
