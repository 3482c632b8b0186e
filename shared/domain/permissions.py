"""Roles and permissions as data, and `Caller`: who calls, on whose behalf, and with which permissions.

A permission is `<resource>:<action>`. A granted `<resource>:*` covers every action of that resource and nothing else,
so `admin:*` covers `admin:users`. Rows of other users are invisible (404) unless the caller `reads_all`. Only the
`service` role may act for other users, within its permissions. Administrators and operators administer and repair, but
do not move funds, sign or export. The exception is emergency access (`admin:act`): an administrator acts for one user
for a few minutes, gives a reason, and the user is notified.
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
        "wallet:sign_in",  # lets an API key sign texts that sign in to other sites (EIP-4361)
        *("transaction:read", "transaction:send"),
        *("contract:read", "contract:write"),
        *("security:use", "webhook:read", "webhook:write", "event:read"),
    }
)

OPERATOR_PERMISSIONS = frozenset(
    {
        *(name for name in USER_PERMISSIONS if name.endswith(":read")),
        "audit:read",
        "admin:read",  # lists of all users' resources, lanes, nodes, the overview
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
ACTING_PERMISSIONS = USER_PERMISSIONS - {"wallet:export"}  # for an administrator who acts for one user
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
    """Whether `granted` contains `permission` or its resource's wildcard."""
    names = granted if isinstance(granted, frozenset) else frozenset(granted)
    resource, colon, _ = permission.partition(":")
    return permission in names or f"{resource}{colon}*" in names


def scopes_of(granted: frozenset[str]) -> frozenset[str]:
    """The scopes that a user with these permissions can give to an API key."""
    return frozenset(name for name in ALL_PERMISSIONS - PERSONAL if grants(granted, name))


def narrowed(granted: frozenset[str], scopes: Iterable[str]) -> frozenset[str]:
    """The `scopes` that `granted` covers: a key never has more permissions than its owner has at this time."""
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
    factors: frozenset[str] = frozenset()  # how they proved it: pwd, otp, passkey, wallet (as in RFC 8176)
    second_factor_at: datetime | None = None  # when a person last proved a second factor
    email_verified: bool = True  # False: nobody has proved access to the account's mailbox yet
    expires_at: datetime | None = None  # of the credential
    acting_for: str | None = None  # emergency access: the user for whom this administrator acts

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
        """Whether a person has proved who they are at most `limit` ago."""
        return self.authenticated_at is not None and timedelta() <= now - self.authenticated_at <= limit

    def proved_factor_within(self, limit: timedelta, now: datetime) -> bool:
        """Whether a person has proved a second factor at most `limit` ago."""
        return self.second_factor_at is not None and timedelta() <= now - self.second_factor_at <= limit

    @staticmethod
    def of_user(user_id: str, roles: Iterable[str], tier: str, *, kind: Kind = "user") -> Caller:
        """A caller with all permissions of its roles, for tests and for triggers without a token."""
        names = frozenset(roles)
        return Caller(user_id, kind, names, permissions_of(names), tier)

    @staticmethod
    def of_command(user_id: str, roles: Iterable[str] = ("user",)) -> Caller:
        """The caller of a Pub/Sub command on behalf of `user_id`, with the permissions of that user.

        The right to publish to the topic (IAM) authenticates the command. It acts only for its subject, even if that
        has the `service` role: whoever publishes on behalf of other users names each of them as the subject."""
        names = frozenset(roles) - {"service"}
        return Caller(user_id, "command", names, permissions_of(names), "service")

    @staticmethod
    def of_system() -> Caller:
        """The product itself, when it reacts to events and timers."""
        return Caller(SYSTEM_ID, "system", frozenset(), ALL_PERMISSIONS, "service")
