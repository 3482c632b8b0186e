"""Audit what a wallet's policy denies: with policy_denials.audited(wallet_id): commit(…)"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from shared.domain.wallets.policies import PolicyDenied
from shared.telemetry import metrics
from shared.writes import separate_audit

_log = logging.getLogger(__name__)


@contextmanager
def audited(resource: str) -> Iterator[None]:
    """Record the denial, if the policy denies what the block does to this wallet or transaction."""
    try:
        yield
    except PolicyDenied as denied:
        record(resource, denied)
        raise


def record(resource: str, denied: PolicyDenied) -> None:
    """Write the audit row that names the rule, the metric and the log entry of one denial. Raises StoreError."""
    rule = denied.data["rule"]
    separate_audit.write(resource, f"policy.denied:{rule}")
    metrics.SIGNER_DENIALS.add(reason="policy")
    _log.info("denied by policy", extra={"wallet": resource, "rule": rule})
