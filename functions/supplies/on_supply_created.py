"""Check on chain whether the wallet of a new supply covers it: the supply becomes active or rejected."""

from __future__ import annotations

from shared import resources
from shared.desk import activation
from shared.runtime.cloud_event import Event
from shared.runtime.operation import message
from shared.store.tables.system import InboxRow


@message("supply-events", type="supply.created", needs=("chain",), publishes=("supply-events",))
def on_supply_created(event: Event) -> None:
    inbox = InboxRow(on_supply_created.__name__, event.id, resources.clock().now())
    activation.check(event.subject, inbox)
