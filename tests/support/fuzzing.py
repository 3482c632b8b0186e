"""The statuses that fuzzers of the API (schemathesis) count as refusals, in addition to their own."""

from __future__ import annotations

from typing import Final

# 413 refuses a list with too many items before it is read; 426 refuses a request to the WebSocket's address
# without an upgrade.
CONFIGURATION: Final = """\
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "426", "428", "429"]
"""
