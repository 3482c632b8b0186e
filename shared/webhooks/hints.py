"""Hints that an endpoint's lane has work. The lane's row has the same information: a lost hint only causes a delay."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from concurrent.futures import wait
from typing import Final

from shared import resources
from shared.runtime.clock import new_id

TOPIC: Final = "webhook-lanes"
DUE: Final = "webhook.due"
SECONDS: Final = 5.0
_log = logging.getLogger(__name__)


def wake(webhook_ids: Iterable[str]) -> bool:
    """Ask for these lanes to be processed now; returns whether Pub/Sub accepted all hints."""
    publisher = resources.publisher()
    try:
        sent = [publisher.publish(TOPIC, _envelope(each)) for each in webhook_ids]
    except Exception as error:
        _log.warning("lanes were not woken", extra={"error": type(error).__name__})
        return False
    done, late = wait(sent, timeout=SECONDS)
    failed = len(late) + sum(1 for future in done if future.exception() is not None)
    if failed:
        _log.warning("lanes were not woken", extra={"failed": failed, "of": len(sent)})
    return not failed


def _envelope(webhook_id: str) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": new_id("hint"),
        "source": "wallet-backend/webhooks",
        "type": DUE,
        "subject": webhook_id,
        "time": resources.clock().now().isoformat(),
        "data": {},
    }
