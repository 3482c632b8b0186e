"""Deploy a contract from one of the caller's wallets. Its address is known once a block contains the deployment.

With a `salt` it is deployed through the deterministic deployer (CREATE2), and its address is known at once.
"""

from __future__ import annotations

from dataclasses import replace

from schemas.contracts import Contract, DeployContract, DeployedContract
from schemas.transactions import Transaction
from shared import resources
from shared.contracts import abis, account_limits, deployment, sending
from shared.contracts.deployment import Creation
from shared.domain.contracts import abi, contracts
from shared.domain.permissions import Caller
from shared.domain.wallets.wallets import Wallet
from shared.engine.accept import SendPlan
from shared.runtime.operation import BODY_WITH_ABI, http, message
from shared.store.session import Session
from shared.store.tables import metadata
from shared.store.tables.wallets import resolve_wallet
from shared.store.unit_of_work import UnitOfWork
from shared.wallets import policy_denials
from shared.writes.commit import commit


@http(
    "POST",
    "/contracts",
    permission="contract:write",
    largest=BODY_WITH_ABI,
    request=DeployContract,
    answer=DeployedContract,
    status=202,
    location="/contracts/{contract[id]}",
    idempotency="required",
    needs=("chain",),
    publishes=("transaction-events", "contract-events"),
)
@message("contract-commands", type="contract.deploy", request=DeployContract)
def deploy_contract(request: DeployContract, caller: Caller) -> DeployedContract:
    sending.require_may_send(caller)
    chain = request.chain or resources.settings().default_chain
    session = Session(resources.database().snapshot())
    wallet = sending.on_chain(resolve_wallet(session, caller, request.wallet_id, chain), chain)
    account_limits.require_room(session, wallet.user_id)
    entries = abis.given(request.abi, request.type, required=False)
    value = int(request.value)
    creation = deployment.creation(
        entries, request.bytecode, request.arguments, value=value, salt=request.salt
    )
    deployment.require_place(resources.chain(chain), creation)
    planned = sending.plan(
        wallet, creation.to, creation.data, creation.abi, value=value, gas=request.gas, speed=request.speed
    )
    deployment.require_code(resources.chain(chain), creation, wallet.address, value)
    with policy_denials.audited(wallet.id):
        return commit(_deploy, request, wallet, creation, planned, group=sending.group(planned))


def _deploy(
    unit: UnitOfWork, request: DeployContract, wallet: Wallet, creation: Creation, planned: SendPlan
) -> DeployedContract:
    transaction = sending.accepted(unit, planned, unit.new_id("txn"))
    contract = contracts.new_contract(
        contract_id=unit.new_id("ctr"),
        user_id=wallet.user_id,
        name=request.name,
        chain=wallet.chain,
        kind=request.type,
        abi=abi.text(creation.abi),
        address=creation.address,
        transaction_id=transaction.id,
        now=unit.now,
    )
    contract = replace(contract, metadata=request.metadata)
    unit.write(contract, *metadata.entries(contract))
    view = Transaction.of(transaction, [], sending.chain_id(planned))
    return DeployedContract(contract=Contract.of(contract), transaction=view)
