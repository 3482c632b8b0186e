"""Rate limits of HTTP requests: by principal and tier, or by network for public operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_address, ip_network

from shared import resources
from shared.adapters import rate_limits
from shared.domain.permissions import Caller
from shared.runtime.context import Context
from shared.telemetry import metrics

PUBLIC_NAME = "public"
# Operations by which people end credentials of their account, or stop what a thief does with them.
STOPPING = frozenset(
    {
        *(
            "change_password",
            "delete_api_key",
            "delete_api_keys",
            "end_session",
            "end_sessions",
            "logout_user",
        ),
        *("set_policy", "drop_pending_policy", "delete_webhook"),
        *("add_totp", "verify_totp", "remove_totp", "challenge_passkey", "verify_passkey", "delete_passkey"),
    }
)
HERE = "local"  # the network of requests that pass none of our proxies
MISCOUNTED = metrics.counter(
    "wallet_hops_miscounted_total", "Requests whose X-Forwarded-For is not as FORWARDED_HOPS says."
)


def count(context: Context) -> None:
    """Count one request against the caller's budget; the reply's headers say what is left. Raises TooManyRequests."""
    limiter, caller, now = resources.limiter(), context.caller, resources.clock().now()
    if caller is not None:
        if caller.tier == rate_limits.UNLIMITED:
            return
        rate = limiter.take(_budget(context.operation, caller), limiter.limit(caller.tier, "basic"), now)
        context.answer.headers.update(rate.headers())
    else:
        limit = limiter.limit(context.operation, PUBLIC_NAME)
        rate = limiter.take(f"{context.operation}@{context.request.network}", limit, now)
    if not rate.allowed:
        raise rate_limits.TooManyRequests(rate, now)


def _budget(operation: str, caller: Caller) -> str:
    """The name of the budget that a request counts against. A thief who uses up the account's with a stolen key or
    session must not keep its owner from ending that."""
    if operation in STOPPING and caller.kind == "user":
        return f"{caller.user_id}/{caller.session_id}"
    return caller.user_id


def network(headers: Mapping[str, str], hops: int) -> str:
    """The network of a request: an IPv4 address or an IPv6 /64, as our outermost proxy saw it.

    `hops` of our proxies append to X-Forwarded-For. The caller itself wrote everything before their entries, so it
    does not count.
    """
    if hops <= 0:
        return HERE
    entries = [entry.strip() for entry in headers.get("x-forwarded-for", "").split(",")]
    if len(entries) < hops:
        return "unknown"
    try:
        address = ip_address(entries[-hops])
    except ValueError:
        return "unknown"
    prefix = 32 if address.version == 4 else 64
    return str(ip_network((address, prefix), strict=False).network_address)


def check_hops(headers: Mapping[str, str], hops: int, balancer: Sequence[str]) -> None:
    """Count requests whose X-Forwarded-For shows that `hops` is wrong: the balancer's address is not at its expected
    place, right after the caller's. With wrong hops, all callers would share one network, or could choose one."""
    if not balancer:
        return
    entries = headers.get("x-forwarded-for", "").split(",")
    after = entries[1 - hops].strip() if 1 < hops <= len(entries) else ""
    if after not in balancer:
        MISCOUNTED.add()
