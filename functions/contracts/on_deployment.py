"""Update a contract from the transaction that deploys it: deployed, failed, or pending again after a reorganisation."""

from __future__ import annotations

from schemas.contracts import Contract
from shared import resources
from shared.contracts.deployment import DEPLOYER
from shared.domain.contracts import contracts
from shared.runtime.cloud_event import Event
from shared.runtime.operation import message
from shared.store.tables.contracts import deployed_by
from shared.store.tables.system import InboxRow
from shared.store.tables.transactions import TRANSACTIONS
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit

OUTCOMES = ("confirmed", "reverted", "cancelled", "rejected", "expired", "reorged")
ANNOUNCED = {"deployed": "contract.deployed", "failed": "contract.failed", "deploying": "contract.reorged"}


@message(
    "transaction-events",
    type=tuple(f"transaction.{outcome}" for outcome in OUTCOMES),
    publishes=("contract-events",),
)
def on_deployment(event: Event) -> None:
    if event.data.get("to") in (None, DEPLOYER):  # all other transactions deploy nothing
        inbox = InboxRow(on_deployment.__name__, event.id, resources.clock().now())
        commit(_follow, event.subject, inbox=inbox)


def _follow(unit: UnitOfWork, transaction_id: str) -> None:
    """Update the contract from the transaction's current row, because events may come late and in any order."""
    transaction = unit.maybe(TRANSACTIONS.find(transaction_id))
    if transaction is None:
        return
    for contract in deployed_by(unit, transaction_id):
        after = contracts.followed(contract, transaction.state, transaction.contract_address, unit.now)
        if after is not contract:
            unit.write(after)
            view = Contract.of(after, abi=False)
            unit.emit(ANNOUNCED[after.status], after.id, after.version, view, feed=[after.user_id])
