"""Send a transaction that calls a function of a contract, within the wallet's policy."""

from __future__ import annotations

from dataclasses import replace

from schemas.contracts import SendToContract
from schemas.transactions import Transaction
from shared import resources
from shared.contracts import calls, sending
from shared.domain.contracts import abi
from shared.domain.errors import InvalidValue
from shared.domain.permissions import Caller
from shared.engine.accept import SendPlan
from shared.runtime.operation import http, message
from shared.store.session import Session
from shared.store.tables.contracts import usable
from shared.store.tables.wallets import resolve_wallet
from shared.store.unit_of_work import UnitOfWork
from shared.wallets import policy_denials
from shared.writes.commit import commit


@http(
    "POST",
    "/contracts/{contract_id}/send",
    permission="contract:write",
    request=SendToContract,
    answer=Transaction,
    status=202,
    location="/transactions/{id}",
    idempotency="required",
    needs=("chain",),
    publishes=("transaction-events", "contract-events"),
)
@message("contract-commands", type="contract.send", request=SendToContract)
def send_to_contract(request: SendToContract, caller: Caller) -> Transaction:
    sending.require_may_send(caller)
    session = Session(resources.database().snapshot())
    contract = session.one(usable(caller, request.contract_id))
    wallet = sending.on_chain(
        resolve_wallet(session, caller, request.wallet_id, contract.chain), contract.chain
    )
    entries, value = contract.entries, int(request.value)
    entry = abi.method(entries, request.method)
    if not abi.changes_state(entry):
        raise InvalidValue("method", "changes nothing: call it instead")
    if value and not abi.payable(entry):
        raise InvalidValue("value", "the function takes none")
    planned = sending.plan(
        wallet,
        contract.place,
        calls.data_of(entry, request.arguments),
        entries,
        value=value,
        gas=request.gas,
        speed=request.speed,
    )
    planned = replace(planned, notes=request.metadata)
    with policy_denials.audited(wallet.id):
        return commit(_send, planned, group=sending.group(planned))


def _send(unit: UnitOfWork, planned: SendPlan) -> Transaction:
    accepted = sending.accepted(unit, planned, unit.new_id("txn"))
    return Transaction.of(accepted, [], sending.chain_id(planned))
