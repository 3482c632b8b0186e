"""Rate limits of HTTP requests: by principal and tier, or by network for public operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_address, ip_network

from shared import resources
from shared.adapters import rate_limits
from shared.runtime.context import Context
from shared.telemetry import metrics

PUBLIC_NAME = "public"
HERE = "local"  # the network where no proxy of ours says which
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
    """Where a request comes from: an IPv4 address or an IPv6 /64, as the outermost proxy of ours saw it.

    `hops` proxies of ours append to X-Forwarded-For; whatever stands before their entries is the caller's own
    claim and does not count."""
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
    """Count a request in whose X-Forwarded-For the balancer's own address is not at the place that `hops` implies, next
    after the caller's: everybody would share one network, or could choose one."""
    if not balancer:
        return
    entries = headers.get("x-forwarded-for", "").split(",")
    after = entries[1 - hops].strip() if 1 < hops <= len(entries) else ""
    if after not in balancer:
        MISCOUNTED.add()
