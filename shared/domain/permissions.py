"""Roles and permissions as data, and `Caller`: the answer to "who asks, on whose behalf, and may they?".

A permission is `<resource>:<action>`. A granted `<resource>:*` covers every action of that resource and
nothing else, so `admin:*` covers `admin:users`; the role `admin` holds all resources by listing them. Rows of
another user stay invisible (404) unless `acts_for_others` or `reads_all` says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal

Kind = Literal["user", "service", "command", "api_key", "system"]

USER_PERMISSIONS = frozenset(
    {
        *("supply:read", "supply:write", "supply:delete"),
        *("order:read", "order:write", "order:delete"),
        *("claim:read", "claim:execute"),
        *("wallet:read", "wallet:write", "wallet:export", "wallet:sign"),
        *("transaction:read", "transaction:send"),
        *("contract:read", "contract:write"),
        *("security:use", "webhook:read", "webhook:write", "event:read"),
    }
)

OPERATOR_PERMISSIONS = frozenset(
    {
        *(name for name in USER_PERMISSIONS if name.endswith(":read")),
        "audit:read",
        "admin:redrive",  # dead letters
        "admin:settle",  # retry or abandon a failed settlement
        "admin:replace",  # speed up any transaction
        "admin:reconcile",  # the reconciliation report
    }
)

ADMIN_PERMISSIONS = USER_PERMISSIONS | {"audit:read", "admin:*"}
ALL_PERMISSIONS = ADMIN_PERMISSIONS | OPERATOR_PERMISSIONS | {"admin:users", "admin:approve"}

ROLES = MappingProxyType(
    {
        "user": USER_PERMISSIONS,
        "service": USER_PERMISSIONS,
        "operator": OPERATOR_PERMISSIONS,
        "admin": ADMIN_PERMISSIONS,
    }
)
TIERS = ("basic", "premium", "enterprise", "service")
SYSTEM_ID = "system"


def permissions_of(roles: Iterable[str]) -> frozenset[str]:
    """Everything that `roles` grant together; an unknown role grants nothing."""
    return frozenset().union(*(ROLES.get(role, frozenset()) for role in roles))


def grants(granted: Iterable[str], permission: str) -> bool:
    """True when `granted` holds `permission` or its resource's wildcard."""
    names = granted if isinstance(granted, frozenset) else frozenset(granted)
    resource, colon, _ = permission.partition(":")
    return permission in names or f"{resource}{colon}*" in names


def is_permission(name: str) -> bool:
    """True for a permission that exists, so that it may be asked for (an API key's scope)."""
    return name in ALL_PERMISSIONS


def narrowed(granted: frozenset[str], scopes: Iterable[str]) -> frozenset[str]:
    """The `scopes` that `granted` covers: a key never may more than its owner may now."""
    return frozenset(scope for scope in scopes if grants(granted, scope))


@dataclass(frozen=True, slots=True)
class Caller:
    """One identified caller. `permissions` is final: roles are looked up when it is made, not when asked."""

    user_id: str
    kind: Kind = "user"
    roles: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset()
    tier: str = "basic"
    session_id: str | None = None  # the refresh family, or the API key's id
    authenticated_at: datetime | None = None  # when a person last proved who they are
    factors: frozenset[str] = frozenset()  # how: pwd, otp, wallet (RFC 8176 style)

    def may(self, permission: str) -> bool:
        """True when this caller holds `permission` itself or through `<resource>:*`."""
        return grants(self.permissions, permission)

    @property
    def acts_for_others(self) -> bool:
        """May name another user as the subject: services, administrators and the system itself."""
        return self.kind == "system" or not self.roles.isdisjoint({"service", "admin"})

    @property
    def reads_all(self) -> bool:
        """May read every user's rows: those who act for others, and operators."""
        return self.acts_for_others or "operator" in self.roles

    def sees(self, owner_id: str) -> bool:
        """True when a row of `owner_id` may be shown; otherwise it does not exist for this caller (404)."""
        return owner_id == self.user_id or self.reads_all

    def subject(self, user_id: str | None) -> str:
        """On whose behalf: `user_id` when this caller acts for others and names one, else the caller."""
        return user_id if user_id and self.acts_for_others else self.user_id

    def signed_in_within(self, limit: timedelta, now: datetime) -> bool:
        """True when a person proved who they are at most `limit` ago (export asks for five minutes)."""
        return self.authenticated_at is not None and timedelta() <= now - self.authenticated_at <= limit

    @staticmethod
    def of_user(user_id: str, roles: Iterable[str], tier: str, *, kind: Kind = "user") -> Caller:
        """The caller with everything its roles grant, for tests and for triggers without a token."""
        names = frozenset(roles)
        return Caller(user_id, kind, names, permissions_of(names), tier)

    @staticmethod
    def of_command(user_id: str) -> Caller:
        """A Pub/Sub command on behalf of `user_id`: the topic's IAM vouches for it; it may what users may."""
        return Caller(user_id, "command", frozenset({"user"}), USER_PERMISSIONS, "service")

    @staticmethod
    def of_system() -> Caller:
        """The product itself, in reactions and timers."""
        return Caller(SYSTEM_ID, "system", frozenset({"admin"}), ADMIN_PERMISSIONS, "service")
