"""Send a transaction from a wallet. It is accepted if it would succeed now and the wallet can pay value and gas.

A refused transaction costs nothing and takes no nonce. Accepted ones are sent in the wallet's order; follow one by
`GET /transactions/{transaction_id}` or its events until it is `confirmed`, `reverted`, `cancelled`, `rejected` or
`expired`.
"""

from __future__ import annotations

from dataclasses import replace

from schemas.transactions import SendTransaction, Transaction
from shared import resources
from shared.domain.permissions import Caller
from shared.engine import accept, intents
from shared.engine.accept import SendPlan
from shared.runtime.context import current
from shared.runtime.operation import http, message
from shared.store.session import Session
from shared.store.tables.wallets import resolve_wallet
from shared.store.unit_of_work import UnitOfWork
from shared.wallets import policy_denials
from shared.writes.commit import commit

EVENTS = ("transaction-events",)


@http(
    "POST",
    "/transactions",
    permission="transaction:send",
    request=SendTransaction,
    answer=Transaction,
    status=202,
    location="/transactions/{id}",
    idempotency="required",
    needs=("chain",),
    publishes=EVENTS,
)
@message("transaction-commands", type="transaction.send", request=SendTransaction)
def send_transaction(request: SendTransaction, caller: Caller) -> Transaction:
    chain = request.chain or resources.settings().default_chain
    wallet = resolve_wallet(Session(resources.database().snapshot()), caller, request.wallet_id, chain)
    intent = intents.from_request(request, intents.on_chain(wallet, request))
    planned = accept.plan(intent, gas=request.gas, mixed_fees=intents.mixed(request))
    planned = replace(planned, notes=request.metadata)
    # It has no nonce yet. `dispatch_lane` sends it when `transaction.accepted` arrives; otherwise `tick_chain` does.
    with policy_denials.audited(wallet.id):
        return commit(_send, planned, group=f"funds:{intent.chain}:{intent.from_address}")


def _send(unit: UnitOfWork, planned: SendPlan) -> Transaction:
    given = current().request.idempotency
    accepted = accept.accept(
        unit,
        planned,
        transaction_id=unit.new_id("txn"),
        tenant=unit.context.principal,
        idem_key=given.key if given else unit.new_id("key"),
    )
    return Transaction.of(accepted, [], resources.registry().chain(accepted.chain).chain_id)
