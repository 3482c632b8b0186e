"""What a wallet may sign: limits, allow-lists, pause and approval, decided on what the bytes would do.

Checked when a transaction is accepted (with the day's spending reserved in the same commit) and again by the
signer on the decoded bytes. What cannot be understood is denied wherever a rule depends on it. A no-op to
oneself is always allowed: it undoes. Gas is not counted. Amounts are base units; addresses compare in lower case.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from shared.domain.errors import Refusal

NATIVE: Final = "native"
DAY_HOURS: Final = 24
CLOCK_MARGIN: Final = timedelta(minutes=1)  # instances' clocks differ by less
_TRANSFER, _TRANSFER_FROM = bytes.fromhex("a9059cbb"), bytes.fromhex("23b872dd")
_APPROVE, _INCREASE = bytes.fromhex("095ea7b3"), bytes.fromhex("39509351")  # both let another spend as much


class PolicyDenied(Refusal):
    """`data.rule` names the rule: paused, contract_creation, allowed_contracts, allowed_selectors,
    allowed_recipients, unreadable_call, max_per_transaction, max_per_day, approval_above or typed_data."""

    code, status, message = "POLICY_DENIED", 422, "The wallet's policy does not allow this."


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of one wallet. None allows everything, an empty list nothing."""

    id: str  # the wallet's
    user_id: str
    limits: dict[str, dict[str, str | None]]  # asset → max_per_transaction, max_per_day, day_since
    allowed_recipients: list[str] | None
    allowed_contracts: list[str] | None
    allowed_selectors: list[str] | None
    approval_above: int | None  # of any asset, in its base units
    approvers: list[str] | None  # ids of users who may approve, besides administrators
    paused: bool
    version: int
    created_at: datetime
    updated_at: datetime

    def limit(self, asset: str, name: str) -> int | None:
        text = self.limits.get(asset.lower(), {}).get(name)
        return None if text is None else int(text)

    def booked(self, asset: str, at: datetime) -> bool:
        """Whether what was accepted at this moment was surely booked against today's daily limit of the asset."""
        since = self.limits.get(asset.lower(), {}).get("day_since")
        return since is not None and at >= datetime.fromisoformat(since) + CLOCK_MARGIN

    @property
    def restricts(self) -> bool:
        """True when any rule but the pause is set."""
        lists = (self.allowed_recipients, self.allowed_contracts, self.allowed_selectors)
        return bool(self.limits) or self.approval_above is not None or any(one is not None for one in lists)


@dataclass(frozen=True, slots=True)
class Move:
    """`amount` of `asset` (NATIVE or a token's address) leaves, or may be taken by, for `recipient`."""

    asset: str
    recipient: str
    amount: int


@dataclass(frozen=True, slots=True)
class Action:
    """A transaction's payload as it will be signed."""

    sender: str
    to: str | None
    value: int
    data: bytes = field(repr=False)

    @property
    def noop(self) -> bool:
        return self.to is not None and _same(self.to, self.sender) and not self.value and not self.data

    @property
    def moves(self) -> tuple[Move, ...]:
        """What it is seen to move; other effects of a call are unknown (see `readable`)."""
        native = (Move(NATIVE, self.to, self.value),) if self.value and self.to else ()
        token = self._token()
        return native if token is None else (*native, token)

    @property
    def readable(self) -> bool:
        """True when `moves` is everything that the sender can lose."""
        return self.to is not None and (not self.data or self._token() is not None)

    def _token(self) -> Move | None:
        selector, words = self.data[:4], [self.data[at : at + 32] for at in range(4, len(self.data), 32)]
        if self.to is None or any(len(word) != 32 for word in words):
            return None
        if selector in (_TRANSFER, _APPROVE, _INCREASE) and len(words) == 2 and _is_address(words[0]):
            return Move(self.to, _address(words[0]), int.from_bytes(words[1], "big"))
        if selector == _TRANSFER_FROM and len(words) == 3 and _is_address(words[0]) and _is_address(words[1]):
            own = _same(_address(words[0]), self.sender)
            return Move(self.to, _address(words[1]), int.from_bytes(words[2], "big") if own else 0)
        return None


@dataclass(frozen=True, slots=True)
class Decision:
    """An allowed action: what to book against the day's limits, and whether a second person must approve."""

    spends: Mapping[str, int] = field(default_factory=dict)
    needs_approval: bool = False


def decide(policy: Policy, action: Action, spent: Mapping[str, int]) -> Decision:
    """At accept. `spent`: base units per asset (lower case) of the last day. Raises PolicyDenied."""
    if action.noop:
        return Decision()
    check(policy, action)
    for asset, amount in totals(action).items():
        limit = policy.limit(asset, "max_per_day")
        if limit is not None and spent.get(asset, 0) + amount > limit:
            raise PolicyDenied(
                rule="max_per_day", asset=asset, limit=str(limit), spent=str(spent.get(asset, 0))
            )
    bounded = {
        asset: amount for asset, amount in totals(action).items() if policy.limit(asset, "max_per_day")
    }
    return Decision(bounded, needs_approval(policy, action))


def check(policy: Policy, action: Action) -> None:
    """Every rule that needs no memory; what the signer checks again on the bytes. Raises PolicyDenied."""
    if action.noop:
        return
    if policy.paused:
        raise PolicyDenied(rule="paused")
    _check_call(policy, action)
    for move in action.moves:
        _check_recipient(policy, action, move)
    for asset, amount in totals(action).items():
        limit = policy.limit(asset, "max_per_transaction")
        if limit is not None and amount > limit:
            raise PolicyDenied(rule="max_per_transaction", asset=asset, limit=str(limit))


def check_message(policy: Policy) -> None:
    """EIP-191 messages move nothing by themselves; a paused wallet signs none. Raises PolicyDenied."""
    if policy.paused:
        raise PolicyDenied(rule="paused")


def check_typed_data(policy: Policy, verifying_contract: str | None) -> None:
    """EIP-712 data may be a permit or an order, past every limit: with any rule set, only for a contract that
    is on the wallet's list. Raises PolicyDenied."""
    check_message(policy)
    if policy.restricts and not _listed(policy.allowed_contracts or (), verifying_contract or ""):
        raise PolicyDenied(rule="typed_data")


def needs_approval(policy: Policy, action: Action) -> bool:
    """Above the threshold in any asset, or unknown while there is a threshold."""
    if policy.approval_above is None:
        return False
    above = any(amount > policy.approval_above for amount in totals(action).values())
    return above or not action.readable


def totals(action: Action) -> dict[str, int]:
    """Base units per asset, in lower case."""
    found: dict[str, int] = {}
    for move in action.moves:
        found[move.asset.lower()] = found.get(move.asset.lower(), 0) + move.amount
    return found


def changed(policy: Policy, now: datetime, **rules: Any) -> Policy:
    """The policy with new rules; unchanged when they are the same.

    A daily limit remembers since when it is set without a break: only what was booked since is ever given back."""
    limits = {asset: _since(policy, asset, limit, now) for asset, limit in rules.pop("limits").items()}
    after = replace(policy, limits=limits, **rules)
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
    return Policy(wallet_id, user_id, {}, None, None, None, None, None, False, 0, now, now)


def _check_call(policy: Policy, action: Action) -> None:
    contracts = policy.allowed_contracts
    if action.to is None:
        if contracts is not None or policy.limits or policy.allowed_recipients is not None:
            raise PolicyDenied(rule="contract_creation")
        return
    if not action.data:
        return
    if contracts is not None and not _listed(contracts, action.to):
        raise PolicyDenied(rule="allowed_contracts", address=action.to)
    if policy.allowed_selectors is not None and not _listed(
        policy.allowed_selectors, f"0x{action.data[:4].hex()}"
    ):
        raise PolicyDenied(rule="allowed_selectors", selector=f"0x{action.data[:4].hex()}")
    guarded = bool(policy.limits) or policy.allowed_recipients is not None
    if guarded and not action.readable and not _listed(contracts or (), action.to):
        raise PolicyDenied(rule="unreadable_call", address=action.to)


def _check_recipient(policy: Policy, action: Action, move: Move) -> None:
    if policy.allowed_recipients is None or _listed(policy.allowed_recipients, move.recipient):
        return
    paid_contract = bool(action.data) and move.asset == NATIVE
    if not (paid_contract and _listed(policy.allowed_contracts or (), move.recipient)):
        raise PolicyDenied(rule="allowed_recipients", address=move.recipient)


def _listed(names: Iterable[str], name: str) -> bool:
    return any(_same(one, name) for one in names)


def _same(one: str, other: str) -> bool:
    return one.lower() == other.lower()


def _is_address(word: bytes) -> bool:
    return word[:12] == bytes(12)


def _address(word: bytes) -> str:
    return "0x" + word[12:].hex()
