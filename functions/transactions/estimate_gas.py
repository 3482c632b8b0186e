"""Estimate the gas limit of a transaction on the newest state; 422 with the reason if it would fail."""

from __future__ import annotations

from schemas.outcomes import GasEstimate
from schemas.transactions import TransactionCall
from shared.contracts import read_slots
from shared.domain.permissions import Caller
from shared.engine import intents, preflight
from shared.runtime.operation import http


@http(
    "POST",
    "/transactions/estimate-gas",
    permission="transaction:read",
    request=TransactionCall,
    answer=GasEstimate,
    idempotency="none",
    writes=False,
    needs=("chain",),
)
def estimate_gas(request: TransactionCall, caller: Caller) -> GasEstimate:
    client, intent = intents.from_caller(request, caller)
    with read_slots.held(caller):
        tried = preflight.preflight(client, intent, gas=request.gas)
    preflight.require_balance(intent, tried.balances)
    return GasEstimate(gas=tried.intent.gas)
