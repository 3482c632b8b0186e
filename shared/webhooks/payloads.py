"""The body of a delivery: the CloudEvent as in its reader's feed, or only a reference to the resource."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from schemas.events import CloudEvent
from shared.domain.webhooks.endpoints import Payload

MAX_BYTES: Final = 20_000  # of a body, as Standard Webhooks recommends
THIN, FULL = "thin", "full"


def body(envelope: Mapping[str, Any], payload: Payload) -> str:
    """The JSON to sign and send. A full body that is too large is sent thin, and `payload` says so."""
    event = CloudEvent.model_validate(envelope).model_dump(mode="json")
    if payload == FULL:
        text = _text({**event, "payload": FULL})
        if len(text.encode()) < MAX_BYTES:
            return text
    return _text({**event, "data": {"id": event["subject"]}, "payload": THIN})


def _text(event: Mapping[str, Any]) -> str:
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False)
