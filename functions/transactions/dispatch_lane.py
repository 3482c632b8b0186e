"""Give nonces to what is queued on the accepted transaction's lane, sign, store and send it.

The event is a hint: late, repeated or lost ones change nothing, because the lane's queue is read anew and the tick
looks at it as well.
"""

from __future__ import annotations

from shared import resources
from shared.engine.dispatch import dispatch
from shared.events import Event
from shared.operation import message
from shared.store.session import Session
from shared.store.transactions import TRANSACTIONS

EVENTS = ("transaction-events", "claim-events", "order-events", "supply-events")


@message("transaction-events", type="transaction.accepted", needs=("chain", "signer"), publishes=EVENTS)
def dispatch_lane(event: Event) -> None:
    accepted = Session(resources.database().snapshot()).maybe(TRANSACTIONS.find(event.subject))
    if accepted is not None and accepted.state == "accepted":
        dispatch(accepted.lane_id)
