"""Probes: the state that a process reports to rollouts and load balancers.

/live      the process runs
/ready     all dependencies of its operations answer; this also warms channels and sessions
/serving   this region can serve, because the store answers. Other dependencies (a chain, Pub/Sub) are shared by all
           regions or only slow down this one (its cache). If a balancer used /ready, it would leave all regions at
           once.
"""

from __future__ import annotations

import json
import logging
import threading
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

# Cloud Run reserves some paths that end in z. The second path of each is for local runs and remains for one more
# release.
LIVE = ("/live", "/healthz")
READY = ("/ready", "/readyz")
SERVING = ("/serving",)
PROBES = (*LIVE, *READY, *SERVING)
_REGIONAL = frozenset({"spanner"})

_log = logging.getLogger(__name__)
CHECK_SECONDS = 5.0  # for all checks; the first ones also import libraries and open channels
FRESH_SECONDS = 1.0  # for which an answer is given again


class CheckThreads(ThreadPoolExecutor):
    """Threads that run the checks. Client libraries retry for 30 s; the reply does not wait for them."""

    def __init__(self) -> None:
        super().__init__(max_workers=8, thread_name_prefix="ready")


def probe(path: str, needs: Iterable[str]) -> Reply | None:
    """The answer to a probe of a process with these dependencies; None for another path."""
    if path in LIVE:
        return Reply(200, '{"status": "ok"}', {"Content-Type": "application/json"})
    if path in READY:
        return reply(needs)
    if path in SERVING:
        return reply(_REGIONAL.intersection(needs))
    return None


class LastChecks:
    """The last states of dependencies. Anybody may call the probes, so one check at a time serves all callers: many
    checks of a dependency that hangs would take all threads, and make `/serving` fail."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done: dict[frozenset[str], tuple[float, dict[str, str]]] = {}
        self._running: dict[frozenset[str], Future[dict[str, str]]] = {}

    def states(self, needs: frozenset[str]) -> dict[str, str]:
        """The states of at most FRESH_SECONDS ago; while they are checked, those of before, if there are any."""
        with self._lock:
            checked_at, last = self._done.get(needs, (0.0, None))
            if last is not None and time.monotonic() - checked_at < FRESH_SECONDS:
                return last
            running = self._running.get(needs)
            mine = self._running.setdefault(needs, Future())
        if running is not None:
            return last if last is not None else running.result()
        try:
            states = _states(needs)
        except BaseException as error:
            mine.set_exception(error)
            raise
        else:
            mine.set_result(states)
            return states
        finally:
            with self._lock:
                del self._running[needs]
                if not mine.exception():
                    self._done[needs] = (time.monotonic(), mine.result())


def reply(needs: Iterable[str]) -> Reply:
    """200 with the state of each dependency, or 503 naming those that do not answer. Both contain the region and, for
    rollouts, the revision."""
    states = resources.memory(LastChecks).states(frozenset(needs))
    ready = all(state == "ok" for state in states.values())
    answer = {"status": "ready" if ready else "unready", "dependencies": states}
    if region := _region():
        answer["region"] = region
    if ready and resources.settings().revision:
        answer["revision"] = resources.settings().revision
    body = json.dumps(answer)
    return Reply(200 if ready else 503, body, {"Content-Type": "application/json"})


def _states(needs: Iterable[str]) -> dict[str, str]:
    """Check these dependencies at the same time: "ok", or the name of the error."""
    until = time.monotonic() + CHECK_SECONDS
    threads = resources.memory(CheckThreads)
    checks = {need: threads.submit(_check, CHECKS[need]) for need in sorted(needs) if need in CHECKS}
    return {need: _state(need, check, until) for need, check in checks.items()}


def _region() -> str | None:
    """The region; None in local runs, and if the settings themselves are wrong (the states report that)."""
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
    Session(resources.database().snapshot(staleness=10)).maybe(system.OPERATIONS.find("readiness", "probe"))


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
