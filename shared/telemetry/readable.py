"""Format log lines for people in a terminal: time, level, operation, message, fields, and ids last.

12:07:31.245 INFO  claim_order  POST /api/v1/claims 409 12.3 ms  code=ORDER_ALREADY_CLAIMED  usr_… req_…
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

_COLOURS: Final = {"WARNING": "33", "ERROR": "31", "CRITICAL": "31;1"}
_SHOWN: Final = {"severity", "time", "logger", "message", "operation", "request_id", "principal", "exception"}
_OPERATION_WIDTH: Final = 22


def line(entry: Mapping[str, Any], colour: bool = False) -> str:
    """Format one entry of the JSON log. An exception follows on separate lines; apart from that, text from a caller
    can neither start a line nor colour it."""
    level = str(entry.get("severity", ""))
    time = datetime.fromisoformat(entry["time"]).astimezone().strftime("%H:%M:%S.%f")[:-3]
    origin = str(entry.get("operation") or str(entry.get("logger", "")).rpartition(".")[2])
    if request := entry.get("httpRequest"):
        milliseconds = float(str(request["latency"]).removesuffix("s")) * 1000
        said = f"{request['requestMethod']} {request['requestUrl']} {request['status']} {milliseconds:.1f} ms"
    else:
        said = str(entry.get("message", ""))
    ids = " ".join(str(entry[name]) for name in ("principal", "request_id") if entry.get(name))
    plain = map(_escaped, (f"{origin:<{_OPERATION_WIDTH}} {said}", *_fields(entry)))
    parts = [*plain, _paint(_escaped(ids), "2", colour)]
    text = "  ".join(filter(None, parts))
    text = f"{_paint(time, '2', colour)} {_paint(f'{level:<7}', _COLOURS.get(level, ''), colour)} {text}"
    return "\n".join([text, *str(entry.get("exception") or "").splitlines()])


def _fields(entry: Mapping[str, Any]) -> Iterator[str]:
    """The other fields, except Cloud Logging's own and empty ones."""
    for name, value in entry.items():
        if name in _SHOWN or name == "httpRequest" or name.startswith("logging.googleapis.com/"):
            continue
        if value is None or value in ("", [], {}):
            continue
        yield f"{name}={value if isinstance(value, str) else json.dumps(value, default=str)}"


def _escaped(text: str) -> str:
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def _paint(text: str, code: str, colour: bool) -> str:
    return f"\033[{code}m{text}\033[0m" if colour and code and text else text
