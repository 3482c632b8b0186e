"""Simulate a transaction in the next block: success or the decoded revert, return data and logs. Nothing is sent."""

from __future__ import annotations

from schemas.outcomes import LogEntry, Simulation
from schemas.transactions import TransactionCall
from shared.chain.errors import AnswerTooLong, NodeError
from shared.chain.reverts import decode_revert
from shared.chain.rpc import MAX_FROM_CONTRACTS
from shared.contracts import read_slots
from shared.domain.contracts.answers import AnswerTooLarge
from shared.domain.permissions import Caller
from shared.engine import intents, preflight
from shared.runtime.operation import http


@http(
    "POST",
    "/transactions/simulate",
    permission="transaction:read",
    request=TransactionCall,
    answer=Simulation,
    idempotency="none",
    writes=False,
    needs=("chain",),
)
def simulate_transaction(request: TransactionCall, caller: Caller) -> Simulation:
    client, intent = intents.from_caller(request, caller)
    try:
        with read_slots.held(caller):
            seen = client.simulate(preflight.call_of(intent, request.gas))
    except AnswerTooLong:
        raise AnswerTooLarge(limit=MAX_FROM_CONTRACTS // 2, unit="bytes") from None
    except NodeError as error:
        refusal = preflight.refused(error)
        if refusal is None:
            raise
        raise refusal from None
    reason = None
    if not seen.success:
        from shared.engine import known_errors

        known = known_errors.of(intent.user_id, intent.chain, intent.to)
        reason = decode_revert(seen.revert_data, known, seen.revert_text).reason
    return Simulation(
        success=seen.success,
        gas=seen.gas,
        return_data="0x" + (seen.return_data or seen.revert_data).hex(),
        revert_reason=reason,
        logs=[LogEntry.of(log) for log in seen.logs or ()],
    )
