"""Roles and permissions as data, and `Caller`: the answer to "who asks, on whose behalf, and may they?".

A permission is `<resource>:<action>`. A granted `<resource>:*` covers every action of that resource and
nothing else, so `admin:*` covers `admin:users`. Rows of another user stay invisible (404) unless `reads_all` says
otherwise. Acting for another is the `service` principal's alone, within its permissions: administrators and operators
administer and repair, they do not move, sign or export. The exception is break-glass (`admin:act`): one person, one
user, a few minutes, a reason, and the user is told.
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
        "wallet:sign_in",  # sign texts that sign in elsewhere (EIP-4361), of an API key
        *("transaction:read", "transaction:send"),
        *("contract:read", "contract:write"),
        *("security:use", "webhook:read", "webhook:write", "event:read"),
    }
)

OPERATOR_PERMISSIONS = frozenset(
    {
        *(name for name in USER_PERMISSIONS if name.endswith(":read")),
        "audit:read",
        "admin:read",  # lists over all users, lanes, nodes, the overview
        "admin:redrive",  # dead letters
        "admin:settle",  # retry or abandon a failed settlement
        "admin:replace",  # speed up any transaction
        "admin:reconcile",  # the reconciliation report
    }
)

ADMIN_PERMISSIONS = frozenset(
    {
        *(name for name in USER_PERMISSIONS if name.endswith(":read")),
        *("audit:read", "admin:*"),
    }
)
ACTING_PERMISSIONS = USER_PERMISSIONS - {"wallet:export"}  # of an administrator who acts for one user
ALL_PERMISSIONS = (
    USER_PERMISSIONS
    | OPERATOR_PERMISSIONS
    | ADMIN_PERMISSIONS
    | {"admin:users", "admin:approve", "admin:act"}
)
PERSONAL = frozenset({"admin:act"})  # never a scope of an API key

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


def scopes_of(granted: frozenset[str]) -> frozenset[str]:
    """The scopes that a user with these permissions can give to an API key."""
    return frozenset(name for name in ALL_PERMISSIONS - PERSONAL if grants(granted, name))


def narrowed(granted: frozenset[str], scopes: Iterable[str]) -> frozenset[str]:
    """The `scopes` that `granted` covers: a key never has more permissions than its owner has now."""
    return frozenset(scope for scope in scopes if grants(granted, scope))


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller. `permissions` is final: roles are resolved when the caller is created."""

    user_id: str
    kind: Kind = "user"
    roles: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset()
    tier: str = "basic"
    session_id: str | None = None  # the refresh family, or the API key's id
    authenticated_at: datetime | None = None  # when a person last proved who they are
    factors: frozenset[str] = frozenset()  # how: pwd, otp, wallet (RFC 8176 style)
    second_factor_at: datetime | None = None  # when a person last proved a second factor
    email_verified: bool = True  # False: somebody registered this address, and nobody has proved to read it
    expires_at: datetime | None = None  # of the credential
    acting_for: str | None = None  # break-glass: the one user for whom this administrator acts

    def may(self, permission: str) -> bool:
        """Whether this caller has `permission`, directly or through `<resource>:*`."""
        return grants(self.permissions, permission)

    @property
    def acts_for_others(self) -> bool:
        """Whether the caller may act for other users: services, the system itself, and administrators with emergency
        access."""
        return self.kind == "system" or "service" in self.roles or self.acting_for is not None

    @property
    def reads_all(self) -> bool:
        """Whether the caller may read the rows of all users: services, operators, administrators and the system
        itself."""
        return self.kind == "system" or not self.roles.isdisjoint({"service", "operator", "admin"})

    def sees(self, owner_id: str) -> bool:
        """Whether a row of `owner_id` may be shown to this caller; otherwise it does not exist for the caller (404)."""
        return owner_id == self.user_id or self.reads_all

    def acts_for(self, owner_id: str) -> bool:
        """Whether the caller may change what belongs to `owner_id`, within its permissions."""
        if owner_id in (self.user_id, self.acting_for):
            return True
        return self.acts_for_others and self.acting_for is None

    def listed(self, user_id: str | None) -> str:
        """Whose rows a list shows: those of `user_id` if it is named and visible, otherwise the caller's own."""
        return user_id if user_id and self.sees(user_id) else self.user_id

    def signed_in_within(self, limit: timedelta, now: datetime) -> bool:
        """True when a person proved who they are at most `limit` ago."""
        return self.authenticated_at is not None and timedelta() <= now - self.authenticated_at <= limit

    def proved_factor_within(self, limit: timedelta, now: datetime) -> bool:
        """True when a person proved a second factor at most `limit` ago."""
        return self.second_factor_at is not None and timedelta() <= now - self.second_factor_at <= limit

    @staticmethod
    def of_user(user_id: str, roles: Iterable[str], tier: str, *, kind: Kind = "user") -> Caller:
        """The caller with everything its roles grant, for tests and for triggers without a token."""
        names = frozenset(roles)
        return Caller(user_id, kind, names, permissions_of(names), tier)

    @staticmethod
    def of_command(user_id: str, roles: Iterable[str] = ("user",)) -> Caller:
        """A Pub/Sub command on behalf of `user_id`: the topic's IAM vouches for it; it may what that user may.

        It acts for its subject only, whatever the roles: whoever may publish for a service names the user."""
        names = frozenset(roles) - {"service"}
        return Caller(user_id, "command", names, permissions_of(names), "service")

    @staticmethod
    def of_system() -> Caller:
        """The product itself, in reactions to events and timers."""
        return Caller(SYSTEM_ID, "system", frozenset(), ALL_PERMISSIONS, "service")
