"""Roles and permissions compared with the contract's table, and the things that a caller may see."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain import permissions
from shared.domain.permissions import Caller, grants, narrowed, permissions_of

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
CONTRACT = [
    "supply:read",
    "supply:write",
    "supply:delete",
    "order:read",
    "order:write",
    "order:delete",
    "claim:read",
    "claim:execute",
    "wallet:read",
    "wallet:write",
    "wallet:export",
    "wallet:sign",
    "wallet:sign_in",
    "transaction:read",
    "transaction:send",
    "contract:read",
    "contract:write",
    "security:use",
    "webhook:read",
    "webhook:write",
    "event:read",
]


@pytest.mark.parametrize("role", ["user", "service"])
def test_users_and_services_may_everything_but_audit_and_administration(role: str) -> None:
    caller = Caller.of_user("usr_1", [role], "basic")
    assert sorted(caller.permissions) == sorted(CONTRACT)
    assert not caller.may("audit:read")
    assert not caller.may("admin:users")


def test_administrators_administer_and_do_not_spend() -> None:
    caller = Caller.of_user("usr_1", ["admin"], "basic")
    for name in CONTRACT:
        assert caller.may(name) == name.endswith(":read")
    for name in ("audit:read", "admin:users", "admin:approve", "admin:act", "admin:*"):
        assert caller.may(name)


def test_operators_read_everything_and_repair_but_move_nothing() -> None:
    caller = Caller.of_user("usr_1", ["operator"], "basic")
    for name in CONTRACT:
        assert caller.may(name) == name.endswith(":read")
    for name in ("audit:read", "admin:redrive", "admin:settle", "admin:replace", "admin:reconcile"):
        assert caller.may(name)
    assert not caller.may("admin:users")
    assert not caller.may("admin:*")


def test_a_wildcard_covers_its_own_resource_only() -> None:
    held = frozenset({"admin:*"})
    assert grants(held, "admin:users")
    for other in ("administrator:read", "wallet:sign", "audit:read", "admin", "", "*:*"):
        assert not grants(held, other)


def test_roles_add_up_and_an_unknown_one_grants_nothing() -> None:
    assert permissions_of(["root"]) == frozenset()
    assert permissions_of([]) == frozenset()
    assert permissions_of(["user", "operator", "root"]) == (
        permissions.USER_PERMISSIONS | permissions.OPERATOR_PERMISSIONS
    )


def test_an_api_key_never_may_more_than_its_owner() -> None:
    owned = permissions_of(["user"])
    assert narrowed(owned, ["order:read", "admin:users", "audit:read"]) == {"order:read"}
    assert narrowed(permissions_of(["admin"]), ["admin:users"]) == {"admin:users"}


@pytest.mark.parametrize("name", ["order:everything", "admin:", "order", "", "*", "order:*", "admin:root"])
def test_permissions_that_do_not_exist_cannot_be_asked_for(name: str) -> None:
    assert name not in permissions.scopes_of(permissions.ALL_PERMISSIONS)


@pytest.mark.parametrize(
    ("roles", "others", "reads"),
    [
        (["user"], False, False),
        (["operator"], False, True),
        (["user", "operator"], False, True),
        (["service"], True, True),
        (["admin"], False, True),
        (["admin", "operator", "user"], False, True),
        ([], False, False),
    ],
)
def test_who_acts_and_reads_for_others(roles: list[str], others: bool, reads: bool) -> None:
    caller = Caller.of_user("usr_1", roles, "basic")
    assert (caller.acts_for_others, caller.reads_all) == (others, reads)
    assert caller.acts_for("usr_2") == others
    assert caller.acts_for("usr_1")
    assert caller.listed("usr_2") == ("usr_2" if reads else "usr_1")
    assert caller.listed(None) == "usr_1"
    assert caller.sees("usr_2") == reads
    assert caller.sees("usr_1")


def test_a_command_has_the_rights_of_a_user_whoever_its_subject_is() -> None:
    caller = Caller.of_command("usr_1")
    assert caller.permissions == permissions.USER_PERMISSIONS
    assert not caller.acts_for_others
    assert not caller.reads_all


def test_a_command_has_its_subjects_roles_but_acts_for_nobody_else() -> None:
    caller = Caller.of_command("usr_1", ["operator", "service"])
    assert caller.may("admin:settle") and not caller.may("order:write")
    assert not caller.acts_for_others and not caller.acts_for("usr_2")


def test_who_broke_the_glass_acts_for_one_user_only() -> None:
    caller = replace(Caller.of_user("usr_1", ["admin"], "basic"), acting_for="usr_2")
    assert [caller.acts_for(name) for name in ("usr_1", "usr_2", "usr_3")] == [True, True, False]
    assert "admin:act" not in permissions.scopes_of(permissions.ALL_PERMISSIONS)  # of a key


def test_the_system_acts_for_everybody() -> None:
    caller = Caller.of_system()
    assert caller.acts_for_others
    assert caller.may("admin:settle")


@pytest.mark.parametrize(
    ("ago", "recent"), [(0, True), (299, True), (300, True), (301, False), (-1, False), (None, False)]
)
def test_a_recent_sign_in_counts_for_its_limit(ago: int | None, recent: bool) -> None:
    at = None if ago is None else NOW - timedelta(seconds=ago)
    caller = Caller("usr_1", authenticated_at=at)
    assert caller.signed_in_within(timedelta(minutes=5), NOW) == recent
