"""Does everything an operation needs answer? Asked by `/readyz`; it also warms channels and sessions."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable

from shared import resources
from shared.http import Reply
from shared.store import records
from shared.store.session import Session

_log = logging.getLogger(__name__)


def reply(needs: Iterable[str]) -> Reply:
    """200 with each dependency's state, or 503 naming what does not answer."""
    states = {need: _state(CHECKS[need]) for need in sorted(needs) if need in CHECKS}
    ready = all(state == "ok" for state in states.values())
    body = json.dumps({"status": "ready" if ready else "unready", "dependencies": states})
    return Reply(200 if ready else 503, body, {"Content-Type": "application/json"})


def _state(check: Callable[[], object]) -> str:
    try:
        check()
    except Exception as error:
        _log.warning("a dependency does not answer", extra={"error": type(error).__name__})
        return type(error).__name__
    return "ok"


def _spanner() -> None:
    Session(resources.database().snapshot(staleness=10)).one(records.OPERATIONS.find("readiness", "probe"))


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


CHECKS: dict[str, Callable[[], object]] = {
    "spanner": _spanner,
    "pubsub": _pubsub,
    "cache": _cache,
    "chain": _chain,
    "vault": _vault,
    "signer": _vault,
}
