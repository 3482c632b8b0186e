"""Probes: what a process says about itself to rollouts and load balancers.

/live      the process runs
/ready     everything that its operations need answers; this also warms channels and sessions
/serving   this region can serve, because the store answers. Other dependencies (a chain, Pub/Sub) are shared by all
           regions or only make this one slower (its cache): using /ready, a balancer would leave all regions at once.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from shared import resources
from shared.runtime.clock import new_id
from shared.runtime.context import Context, deadline_in, running
from shared.settings import NothingNamed
from shared.store.session import Session
from shared.store.tables import system
from shared.triggers.reply import Reply

# Cloud Run keeps some paths that end in z for itself: the second of each is for local runs, for one release more.
LIVE = ("/live", "/healthz")
READY = ("/ready", "/readyz")
SERVING = ("/serving",)
PROBES = (*LIVE, *READY, *SERVING)
_REGIONAL = frozenset({"spanner"})

_log = logging.getLogger(__name__)
CHECK_SECONDS = 5.0  # for all; the first checks also import libraries and open channels


class CheckThreads(ThreadPoolExecutor):
    """Threads that run the checks. Client libraries retry for 30 s; the reply does not wait for them."""

    def __init__(self) -> None:
        super().__init__(max_workers=8, thread_name_prefix="ready")


def probe(path: str, needs: Iterable[str]) -> Reply | None:
    """The answer to a probe of a process with these needs; None for another path."""
    if path in LIVE:
        return Reply(200, '{"status": "ok"}', {"Content-Type": "application/json"})
    if path in READY:
        return reply(needs)
    if path in SERVING:
        return reply(_REGIONAL.intersection(needs))
    return None


def reply(needs: Iterable[str]) -> Reply:
    """200 with each dependency's state, or 503 naming what does not answer; both say which region this is. A rollout
    asks which revision."""
    until = time.monotonic() + CHECK_SECONDS
    threads = resources.memory(CheckThreads)
    checks = {need: threads.submit(_check, CHECKS[need]) for need in sorted(needs) if need in CHECKS}
    states = {need: _state(need, check, until) for need, check in checks.items()}
    ready = all(state == "ok" for state in states.values())
    answer = {"status": "ready" if ready else "unready", "dependencies": states}
    if region := _region():
        answer["region"] = region
    if ready and resources.settings().revision:
        answer["revision"] = resources.settings().revision
    body = json.dumps(answer)
    return Reply(200 if ready else 503, body, {"Content-Type": "application/json"})


def _region() -> str | None:
    """None in local runs, and where the settings themselves are what is wrong: the states say so."""
    try:
        region = resources.settings().region
    except (ValueError, NothingNamed):
        return None
    return None if region == "local" else region


def _check(check: Callable[[], object]) -> None:
    with running(Context("readiness", new_id("req"), deadline_in(CHECK_SECONDS))):
        check()


def _state(need: str, check: Future[None], until: float) -> str:
    try:
        check.result(max(0.0, until - time.monotonic()))
    except Exception as error:
        check.cancel()
        _log.warning("a dependency does not answer", extra={"need": need, "error": type(error).__name__})
        return type(error).__name__
    return "ok"


def _spanner() -> None:
    Session(resources.database().snapshot(staleness=10)).one(system.OPERATIONS.find("readiness", "probe"))


def _pubsub() -> None:
    resources.publisher().check()


def _cache() -> None:
    resources.cache().check()


def _chain() -> None:
    settings = resources.settings()
    for name in settings.rpc_urls or (settings.default_chain,):
        resources.chain(name).chain_id()


def _vault() -> None:
    resources.vault()


def _webhook_vault() -> None:
    resources.webhook_vault()


def _issuer() -> None:
    _ = resources.tokens().ring.signing_key


CHECKS: dict[str, Callable[[], object]] = {
    "spanner": _spanner,
    "pubsub": _pubsub,
    "cache": _cache,
    "chain": _chain,
    "vault": _vault,
    "signer": _vault,
    "webhook_seal": _webhook_vault,
    "webhooks": _webhook_vault,
    "issuer": _issuer,
    "mail": resources.mail,
    "relay": _pubsub,
}
