"""What administrators must prove before they change an account of somebody else."""

from __future__ import annotations

from shared import resources
from shared.domain.permissions import Caller
from shared.identity import step_up
from shared.store.session import Session
from shared.store.tables.sign_ins import enrolled


def require_step_up(session: Session, caller: Caller) -> None:
    """Require the second factor within the last five minutes. Local runs ask only administrators who have one.

    Raises Forbidden for a caller that is not a person, and StepUpRequired."""
    if session.one(enrolled(caller.user_id)) or not resources.settings().local:
        step_up.require(caller, resources.clock().now(), enrolled=True)
