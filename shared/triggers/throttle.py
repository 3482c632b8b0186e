"""Rate limits of HTTP requests: by principal and tier, or by network for public operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_address, ip_network

from shared import resources
from shared.adapters import rate_limits
from shared.runtime.context import Context
from shared.telemetry import metrics

PUBLIC_NAME = "public"
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
        rate = limiter.take(caller.user_id, limiter.limit(caller.tier, "basic"), now)
        context.answer.headers.update(rate.headers())
    else:
        limit = limiter.limit(context.operation, PUBLIC_NAME)
        rate = limiter.take(f"{context.operation}@{context.request.network}", limit, now)
    if not rate.allowed:
        raise rate_limits.TooManyRequests(rate, now)


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
