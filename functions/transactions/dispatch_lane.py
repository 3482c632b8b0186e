"""Give nonces to the queued transactions of a lane, sign, store and send them; sign requested replacements.

The event is only a hint. Late, repeated or lost events change nothing: the lane's queue is read again each time, and
`tick_chain` looks at it as well.
"""

from __future__ import annotations

from shared import resources
from shared.domain.event_types import PAYMENT_TOPICS
from shared.engine import rebroadcast
from shared.engine.dispatch import dispatch
from shared.engine.replacement import replace
from shared.runtime.cloud_event import Event
from shared.runtime.operation import message
from shared.store.session import Session
from shared.store.tables.transactions import ATTEMPTS, TRANSACTIONS


@message(
    "transaction-events",
    type=("transaction.accepted", "transaction.approved", "transaction.replacing"),
    needs=("chain", "signer"),
    publishes=PAYMENT_TOPICS,
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
