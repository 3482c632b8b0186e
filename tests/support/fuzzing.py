"""What those who send anything to the API (schemathesis) count as refused, besides what they count by themselves."""

from __future__ import annotations

from typing import Final

# 413 answers a list of too many items before it is read, 426 whatever asks the WebSocket's address without an upgrade.
CONFIGURATION: Final = """\
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "426", "428", "429"]
"""
