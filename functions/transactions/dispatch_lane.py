"""Give nonces to what is queued on a lane, sign, store and send it; sign what a cancel or a speed-up asked for.

The event is a hint: late, repeated or lost ones change nothing, because the lane's queue is read anew and the tick
looks at it as well.
"""

from __future__ import annotations

from shared import resources
from shared.engine import rebroadcast
from shared.engine.dispatch import dispatch
from shared.engine.replacement import replace
from shared.runtime.cloud_event import Event
from shared.runtime.operation import message
from shared.store.session import Session
from shared.store.tables.transactions import ATTEMPTS, TRANSACTIONS

EVENTS = ("transaction-events", "claim-events", "order-events", "supply-events")


@message(
    "transaction-events",
    type=("transaction.accepted", "transaction.approved", "transaction.replacing"),
    needs=("chain", "signer"),
    publishes=EVENTS,
)
def dispatch_lane(event: Event) -> None:
    session = Session(resources.database().snapshot())
    transaction, attempts = session.read(TRANSACTIONS.find(event.subject), ATTEMPTS.scan(event.subject))
    if transaction is None:
        return
    if transaction.state == "accepted":
        dispatch(transaction.lane_id)
    elif attempts and rebroadcast.replacement_wanted(transaction, attempts[-1]):
        replace(resources.chain(transaction.chain), [(transaction, attempts[-1])])
