"""What a wallet may sign: limits, allow-lists, pause and approval, decided by the effect of the bytes.

A policy is checked when a transaction is accepted (the same commit reserves the day's spending), and again by the
signer on the decoded bytes. Typed data is checked by what it lets others take (`outflows`). While any rule is set,
anything unreadable is denied. Every rule must allow it: being on one list does not override another rule. Limits of
the native coin and the threshold include the possible cost of gas. Amounts are base units; addresses compare in lower
case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from shared.domain.errors import Refusal
from shared.domain.wallets.outflows.moves import FEES, NATIVE, Outflow

DAY_HOURS: Final = 24
CLOCK_MARGIN: Final = timedelta(minutes=1)  # instances' clocks differ by less
_HASH = re.compile(r"(0[xX])?[0-9a-fA-F]{64}")


class PolicyDenied(Refusal):
    """`data.rule` names the rule: paused, contract_creation, unreadable_call, allowed_contracts, allowed_selectors,
    allowed_recipients, max_per_transaction, max_per_day, max_fee_per_day, approval_above, typed_data,
    allowed_typed_data or message."""

    code, status, message = "POLICY_DENIED", 422, "The wallet's policy does not allow this."


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of one wallet. None allows everything, an empty list allows nothing."""

    id: str  # the wallet's
    user_id: str
    limits: dict[str, dict[str, str | None]]  # asset → max_per_transaction, max_per_day, day_since
    allowed_recipients: list[str] | None
    allowed_contracts: list[str] | None
    allowed_selectors: list[str] | None
    approval_above: int | None  # of any asset, in its base units
    approvers: list[str] | None  # ids of users who may approve, besides administrators
    approvals_required: int | None  # how many of them must approve; None: one
    max_fee_per_day: int | None  # wei for gas
    fees_since: datetime | None  # when `max_fee_per_day` was set
    allowed_typed_data: list[dict[str, str]] | None  # contract and primary_type
    paused: bool
    pending: dict[str, Any] | None  # rules from `pending_at` on, looser than these
    pending_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime

    def limit(self, asset: str, name: str) -> int | None:
        if asset == FEES:
            return self.max_fee_per_day if name == "max_per_day" else None
        text = self.limits.get(asset.lower(), {}).get(name)
        return None if text is None else int(text)

    def booked(self, asset: str, at: datetime) -> bool:
        """Whether a transaction accepted at this time is certainly booked against today's daily limit of the asset."""
        text = self.limits.get(asset.lower(), {}).get("day_since")
        since = datetime.fromisoformat(text) if text else None
        if asset == FEES:
            since = self.fees_since
        return since is not None and at >= since + CLOCK_MARGIN

    @property
    def restricts(self) -> bool:
        """Whether any rule except the pause is set."""
        rules = (self.allowed_recipients, self.allowed_contracts, self.allowed_selectors, self.approval_above)
        more = (self.max_fee_per_day, self.allowed_typed_data)
        return bool(self.limits) or any(rule is not None for rule in (*rules, *more))

    def at(self, now: datetime) -> Policy:
        """The policy that is in force at a time: pending rules take effect at `pending_at`."""
        if self.pending is None or self.pending_at is None or now < self.pending_at:
            return self
        return changed(self, self.pending_at, **self.pending)


@dataclass(frozen=True, slots=True)
class Decision:
    """An allowed action: what to book against the day's limits, and whether a second person must approve."""

    spends: Mapping[str, int] = field(default_factory=dict)
    needs_approval: bool = False


def decide(policy: Policy, outflow: Outflow, spent: Mapping[str, int]) -> Decision:
    """Decide when a transaction is accepted. `spent`: base units per asset (lower case) of the last day. Raises
    PolicyDenied."""
    check(policy, outflow)
    return Decision(_book(policy, outflow, spent), needs_approval(policy, outflow))


def _book(policy: Policy, outflow: Outflow, spent: Mapping[str, int]) -> dict[str, int]:
    """The amounts by asset that count against a daily limit. Raises PolicyDenied."""
    booked = {}
    for asset, amount in outflow.totals().items():
        limit = policy.limit(asset, "max_per_day")
        if limit is None:
            continue
        if spent.get(asset, 0) + amount > limit:
            rule = "max_fee_per_day" if asset == FEES else "max_per_day"
            raise PolicyDenied(rule=rule, asset=asset, limit=str(limit), spent=str(spent.get(asset, 0)))
        booked[asset] = amount
    return booked


def check(policy: Policy, outflow: Outflow) -> None:
    """Check every rule that does not depend on earlier spending; the signer repeats it on the bytes. Raises
    PolicyDenied."""
    if policy.paused:
        raise PolicyDenied(rule="paused")
    if not policy.restricts:
        return
    if outflow.creates:
        raise PolicyDenied(rule="contract_creation")
    if not outflow.readable:
        raise PolicyDenied(rule="unreadable_call", address=outflow.calls[0].to if outflow.calls else None)
    _check_calls(policy, outflow)
    _check_amounts(policy, outflow)


def check_message(policy: Policy, message: str) -> None:
    """Check an EIP-191 text. A text moves nothing by itself. But 32 bytes may be a hash, and contracts take its
    signature as approval of the hashed content. Raises PolicyDenied."""
    if policy.paused:
        raise PolicyDenied(rule="paused")
    if policy.restricts and may_be_hash(message):
        raise PolicyDenied(rule="message")


def may_be_hash(message: str) -> bool:
    """Whether a text may be the hash of another one."""
    return len(message.encode(errors="replace")) == 32 or bool(_HASH.fullmatch(message.strip()))


def needs_approval(policy: Policy, outflow: Outflow) -> bool:
    """Whether any asset is above the threshold."""
    threshold = policy.approval_above
    return threshold is not None and any(amount > threshold for amount in outflow.totals().values())


def decide_typed_data(
    policy: Policy, outflow: Outflow, named: tuple[str, str], spent: Mapping[str, int]
) -> Mapping[str, int]:
    """The amounts to book for a signature over typed data. `named`: its verifying contract and primary type.

    The assets that it lets others take are checked as in a transaction. So are the contract and the function that it
    represents, unless `allowed_typed_data` names it; unreadable data must be named. A signature cannot be approved:
    above the threshold it is denied. Raises PolicyDenied."""
    if policy.paused:
        raise PolicyDenied(rule="paused")
    if not policy.restricts:
        return {}
    listed = policy.allowed_typed_data
    if listed is not None and named not in {(one["contract"].lower(), one["primary_type"]) for one in listed}:
        raise PolicyDenied(rule="allowed_typed_data", contract=named[0], primary_type=named[1])
    if listed is None and not outflow.readable:
        raise PolicyDenied(rule="typed_data", contract=named[0], primary_type=named[1])
    if listed is None:
        _check_calls(policy, outflow)
    _check_amounts(policy, outflow)
    if needs_approval(policy, outflow):
        raise PolicyDenied(rule="approval_above")
    return _book(policy, outflow, spent)


def changed(policy: Policy, now: datetime, **rules: Any) -> Policy:
    """The policy with new rules and nothing pending; unchanged if the rules are the same.

    A daily limit records since when it has been set without a break: only amounts booked since then are ever released.
    """
    limits = {asset: _since(policy, asset, limit, now) for asset, limit in rules.pop("limits").items()}
    fees = rules["max_fee_per_day"] is not None
    fees_since = (policy.fees_since or now) if fees else None
    after = replace(policy, **rules, limits=limits, fees_since=fees_since, pending=None, pending_at=None)
    return policy if after == policy else replace(after, version=policy.version + 1, updated_at=now)


def _since(
    policy: Policy, asset: str, limit: Mapping[str, str | None], now: datetime
) -> dict[str, str | None]:
    bare = {name: limit.get(name) for name in ("max_per_transaction", "max_per_day")}
    if bare["max_per_day"] is None:
        return bare
    return bare | {"day_since": policy.limits.get(asset, {}).get("day_since") or now.isoformat()}


def empty(wallet_id: str, user_id: str, now: datetime) -> Policy:
    """The policy of a wallet without one: everything is allowed."""
    return Policy(
        id=wallet_id, user_id=user_id, limits={}, allowed_recipients=None, allowed_contracts=None,
        allowed_selectors=None, approval_above=None, approvers=None, approvals_required=None,
        max_fee_per_day=None, fees_since=None, allowed_typed_data=None, paused=False, pending=None,
        pending_at=None, version=0, created_at=now, updated_at=now,
    )  # fmt: skip


def _check_calls(policy: Policy, outflow: Outflow) -> None:
    """Check that the lists contain every called contract, every contract whose tokens move, and
    every called function."""
    contracts = [call.to for call in outflow.calls]
    contracts += [move.asset for move in outflow.moves if move.asset != NATIVE]
    _check_listed(policy.allowed_contracts, contracts, "allowed_contracts")
    selectors = [call.selector for call in outflow.calls]
    _check_listed(policy.allowed_selectors, selectors, "allowed_selectors")


def _check_amounts(policy: Policy, outflow: Outflow) -> None:
    recipients = [move.recipient for move in outflow.moves]
    _check_listed(policy.allowed_recipients, recipients, "allowed_recipients")
    for asset, amount in outflow.totals().items():
        limit = policy.limit(asset, "max_per_transaction")
        if limit is not None and amount > limit:
            raise PolicyDenied(rule="max_per_transaction", asset=asset, limit=str(limit))


def _check_listed(allowed: Iterable[str] | None, names: Iterable[str], rule: str) -> None:
    known = None if allowed is None else {name.lower() for name in allowed}
    for name in names:
        if known is None or name.lower() in known:
            continue
        if rule == "allowed_selectors":
            raise PolicyDenied(rule=rule, selector=name)
        raise PolicyDenied(rule=rule, address=name)
