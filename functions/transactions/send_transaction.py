"""Accept a transaction once its trial on the newest state succeeds and the wallet's funds cover value and gas.

No nonce is taken here: whatever is refused costs nothing. It is sent when `transaction.accepted` arrives, and by the
chain's tick if that never does.
"""

from __future__ import annotations

from schemas.transactions import SendTransaction, Transaction
from shared import policing, resources
from shared.commit import commit
from shared.context import current
from shared.engine import calls, sends
from shared.engine.sends import SendPlan
from shared.identity.permissions import Caller
from shared.operation import http, message
from shared.store.session import Session
from shared.store.unit import UnitOfWork
from shared.store.wallets import meant

EVENTS = ("transaction-events",)


@http(
    "POST",
    "/transactions",
    permission="transaction:send",
    request=SendTransaction,
    answer=Transaction,
    status=202,
    idempotency="required",
    needs=("chain",),
    publishes=EVENTS,
)
@message("transaction-commands", type="transaction.send", request=SendTransaction)
def send_transaction(request: SendTransaction, caller: Caller) -> Transaction:
    chain = request.chain or resources.settings().default_chain
    wallet = meant(Session(resources.database().snapshot()), caller, request.wallet_id, chain)
    intent = calls.to_send(request, calls.on_chain(wallet, request))
    planned = sends.plan(intent, gas=request.gas, mixed_fees=calls.mixed(request))
    with policing.denials_audited(wallet.id):
        return commit(_send, planned, group=f"funds:{intent.chain}:{intent.from_address}")


def _send(unit: UnitOfWork, planned: SendPlan) -> Transaction:
    given = current().idempotency
    accepted = sends.accept(
        unit,
        planned,
        transaction_id=unit.new_id("txn"),
        tenant=unit.context.principal,
        idem_key=given.key if given else unit.new_id("key"),
    )
    return Transaction.of(accepted, [], resources.registry().chain(accepted.chain).chain_id)
