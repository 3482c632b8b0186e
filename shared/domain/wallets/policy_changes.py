"""Change a policy: stricter rules take effect at once and looser ones after a delay, so that a thief cannot open a
wallet immediately.

If a change does both, its stricter part takes effect now, and all of it after the delay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared.domain.wallets.policies import Policy, changed

RULES = (
    *("limits", "max_fee_per_day", "allowed_recipients", "allowed_contracts", "allowed_selectors"),
    *("allowed_typed_data", "approval_above", "approvers", "approvals_required", "paused"),
)
_AMOUNTS = ("max_per_transaction", "max_per_day")


def rules_of(policy: Policy) -> dict[str, Any]:
    """A policy's rules, in the form of a request."""
    found = {name: getattr(policy, name) for name in RULES}
    limits = {asset: {name: limit.get(name) for name in _AMOUNTS} for asset, limit in policy.limits.items()}
    return found | {"limits": limits}


def change(policy: Policy, requested: Mapping[str, Any], now: datetime, delay: timedelta) -> Policy:
    """The next version of a policy (as of now) with the requested rules; looser ones are pending.

    Repeating a request changes nothing and does not restart the delay. Requesting the current rules cancels pending
    ones."""
    strict = stricter(policy, requested) if delay else dict(requested)
    if strict == dict(requested):
        return changed(policy, now, **requested)
    held = changed(policy, now, **strict)
    if policy.pending == requested and rules_of(held) == rules_of(policy):
        return policy
    return _pending(policy, held, dict(requested), now, now + delay)


def withdrawn(policy: Policy, now: datetime) -> Policy:
    """The policy without its pending rules."""
    return changed(policy, now, **rules_of(policy))


def loosens(before: Policy, after: Policy) -> bool:
    """Whether a change allows more, now or later."""
    if after.pending is not None:
        return after.pending != before.pending
    return stricter(before, rules_of(after)) != rules_of(after)


def stricter(policy: Policy, requested: Mapping[str, Any]) -> dict[str, Any]:
    """The stricter one of each rule, which may take effect at once."""
    found = {
        "limits": _limits(policy.limits, requested["limits"]),
        "paused": policy.paused or requested["paused"],
    }
    for name in ("allowed_recipients", "allowed_contracts", "allowed_selectors"):
        found[name] = _both(getattr(policy, name), requested[name])
    found["max_fee_per_day"] = _least(policy.max_fee_per_day, requested["max_fee_per_day"])
    found["approval_above"] = _least(policy.approval_above, requested["approval_above"])
    found["allowed_typed_data"] = _typed_data(policy, requested["allowed_typed_data"])
    approvers, required = requested["approvers"], requested["approvals_required"]
    if policy.approval_above is not None:  # without a threshold nobody approves anything
        approvers = approvers if approvers is None else _both(policy.approvers or [], approvers)
        required = (
            required if (required or 1) >= (policy.approvals_required or 1) else policy.approvals_required
        )
    return found | {"approvers": approvers, "approvals_required": required}


def _limits(
    held: Mapping[str, Mapping[str, str | None]], requested: Mapping[str, Mapping[str, str | None]]
) -> dict[str, dict[str, str | None]]:
    found = {}
    for asset in dict.fromkeys((*requested, *held)):
        one, other = held.get(asset, {}), requested.get(asset, {})
        found[asset] = {name: _least_text(one.get(name), other.get(name)) for name in _AMOUNTS}
    return found


def _least_text(held: str | None, requested: str | None) -> str | None:
    least = _least(None if held is None else int(held), None if requested is None else int(requested))
    return None if least is None else str(least)


def _least(held: int | None, requested: int | None) -> int | None:
    return min((one for one in (held, requested) if one is not None), default=None)


def _both(held: Sequence[Any] | None, requested: Sequence[Any] | None) -> list[Any] | None:
    """The entries of both lists, spelled as requested; None means that everything is allowed."""
    if held is None or requested is None:
        one = requested if held is None else held
        return None if one is None else list(one)
    known = [_folded(entry) for entry in held]
    return [entry for entry in requested if _folded(entry) in known]


def _typed_data(policy: Policy, requested: Sequence[Any] | None) -> list[Any] | None:
    """The entries of both lists. Without a list, a wallet with rules signs only readable data, so the first entries
    allow more."""
    if policy.allowed_typed_data is None and requested and policy.restricts:
        return []
    return _both(policy.allowed_typed_data, requested)


def _folded(entry: Any) -> Any:
    if isinstance(entry, str):
        return entry.lower()
    return {name: text.lower() if name == "contract" else text for name, text in entry.items()}


def _pending(before: Policy, held: Policy, requested: dict[str, Any], now: datetime, at: datetime) -> Policy:
    version = before.version + 1
    return replace(held, pending=requested, pending_at=at, version=version, updated_at=now)
