"""Approvals of people who may not approve any more."""

from __future__ import annotations

import pytest

from shared import resources
from shared.store.port import Write
from tests.emulated.engine.test_approval import friend, owner, path, people, policy, send
from tests.emulated.engine.world import World
from tests.support.people import People, Person

__all__ = ["friend", "owner", "people"]


@pytest.mark.parametrize(
    "ends",
    [
        f"{how} before the {when}"
        for how in ("removed", "disabled")
        for when in ("second approval", "signature")
    ],
)
def test_an_approval_counts_as_long_as_its_giver_may_approve(
    world: World, people: People, owner: Person, friend: Person, ends: str
) -> None:
    """Whoever is removed because they cannot be trusted has approved nothing."""
    second, third = people.register(), people.register()
    wallet = world.wallet(user=owner.id)
    policy(owner, wallet, approvers=[friend.id, second.id, third.id], approvals_required=2)
    sent = send(owner, wallet)
    friend.ok(200, "POST", path(sent))
    if ends.endswith("signature"):
        second.ok(200, "POST", path(sent))
    if ends.startswith("removed"):
        policy(owner, wallet, approvers=[second.id, third.id], approvals_required=2)
    else:
        resources.database().write([Write("update", "users", ("id", "disabled"), (friend.id, True))])
    if ends.endswith("second approval"):
        half = second.ok(200, "POST", path(sent))
        assert (half["blocked_reason"], half["approvals"]) == ("APPROVAL_REQUIRED", [second.id])
        assert third.ok(200, "POST", path(sent))["approvals"] == [second.id, third.id]
        world.settle()
        assert world.row(sent["id"]).state == "confirmed"
    else:
        world.settle()
        assert (world.row(sent["id"]).state, world.row(sent["id"]).error) == ("rejected", "POLICY_DENIED")
