"""The policies of wallets in requests and answers. Amounts are in base units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator
from pydantic_core import PydanticCustomError

from schemas.base import Address, BaseUnits, Count, Flag, Id, Instant, Request, Resource
from shared.domain.wallets import policies, policy_changes

if TYPE_CHECKING:
    from shared.domain.transactions.transactions import Transaction
    from shared.domain.wallets.policy_replay import Verdict

TypeName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_$][A-Za-z0-9_$]{0,99}$")]
Selector = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{8}$")]


class AssetLimit(Request):
    """Bounds in base units; `asset` is "native" or a token address."""

    asset: Annotated[str, StringConstraints(pattern=r"^(native|0x[0-9a-fA-F]{40})$")]
    max_per_transaction: BaseUnits | None = None
    max_per_day: BaseUnits | None = None

    @classmethod
    def of(cls, asset: str, limit: Mapping[str, str | None]) -> AssetLimit:
        return cls(
            asset=asset, max_per_transaction=limit["max_per_transaction"], max_per_day=limit["max_per_day"]
        )


class TypedDataName(Request):
    """Typed data that may be signed although it cannot be read: its verifying contract and primary type."""

    contract: Address
    primary_type: TypeName


class GetPolicy(Request):
    wallet_id: Id


class DropPendingPolicy(Request):
    wallet_id: Id


class UpdatePolicy(Request):
    """The whole policy of a wallet; an absent list allows everything, an empty one nothing. What exceeds
    `approval_above` waits for `approvals_required` (1) of the `approvers` (user ids), or of administrators.
    Looser rules apply after a delay, stricter ones at once. While any rule is set, calls that cannot be read
    are denied, and typed data that cannot be read unless `allowed_typed_data` names it.
    """

    wallet_id: Id
    limits: Annotated[list[AssetLimit], Field(max_length=100)] = Field(default_factory=list)
    allowed_recipients: Annotated[list[Address], Field(max_length=1000)] | None = None
    allowed_contracts: Annotated[list[Address], Field(max_length=1000)] | None = None
    allowed_selectors: Annotated[list[Selector], Field(max_length=1000)] | None = None
    approval_above: BaseUnits | None = None
    approvers: Annotated[list[Id], Field(max_length=50)] | None = None
    approvals_required: Annotated[Count, Field(ge=1, le=50)] | None = None
    max_fee_per_day: BaseUnits | None = None
    allowed_typed_data: Annotated[list[TypedDataName], Field(max_length=1000)] | None = None
    paused: Flag = False

    @field_validator("limits")
    @classmethod
    def _once(cls, limits: list[AssetLimit]) -> list[AssetLimit]:
        if len({limit.asset.lower() for limit in limits}) != len(limits):
            raise PydanticCustomError("repeated", "must not name an asset twice")
        return limits

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if self.approvers is not None and (self.approvals_required or 1) > max(1, len(set(self.approvers))):
            raise PydanticCustomError("approvers", "approvals_required must not exceed the approvers")
        return self

    def rules(self) -> dict[str, Any]:
        """The rules, by the names that the domain uses."""
        amounts = ("max_per_transaction", "max_per_day")
        named = [
            {"contract": one.contract, "primary_type": one.primary_type}
            for one in self.allowed_typed_data or ()
        ]
        return {
            "limits": {
                one.asset.lower(): {name: getattr(one, name) for name in amounts} for one in self.limits
            },
            "allowed_recipients": self.allowed_recipients,
            "allowed_contracts": self.allowed_contracts,
            "allowed_selectors": self.allowed_selectors,
            "approval_above": None if self.approval_above is None else int(self.approval_above),
            "approvers": self.approvers,
            "approvals_required": self.approvals_required,
            "max_fee_per_day": None if self.max_fee_per_day is None else int(self.max_fee_per_day),
            "allowed_typed_data": named if self.allowed_typed_data is not None else None,
            "paused": self.paused,
        }


class ReplayPolicy(UpdatePolicy):
    """A draft policy, as for PUT, and for how many past days to try it."""

    days: Annotated[Count, Field(ge=1, le=30)] = 7


class Replayed(Resource):
    """A transaction that the draft would not have allowed directly. `outcome` `approval`: it would have waited
    for a second person; `refused`: `rule` and what it names say why.
    """

    transaction_id: str
    created_at: Instant
    status: str
    to: str | None
    outcome: Literal["refused", "approval"]
    rule: str | None
    asset: str | None
    limit: str | None
    address: str | None

    @classmethod
    def of(cls, transaction: Transaction, verdict: Verdict) -> Replayed:
        said = verdict.denied.data if verdict.denied else {}
        named = {name: said.get(name) for name in ("rule", "asset", "limit")}
        return cls(
            transaction_id=transaction.id,
            created_at=transaction.created_at,
            status=transaction.status,
            to=transaction.to,
            outcome="refused" if verdict.denied else "approval",
            address=said.get("address") or said.get("selector"),
            **named,
        )


class PolicyReplay(Resource):
    """Of `checked` transactions since `since`, the draft would have `refused` some and held others
    `for_approval`; the newest 200 of them are listed. `complete` is false if there were more transactions than
    were checked.
    """

    wallet_id: str
    since: Instant
    checked: Count
    complete: Flag
    refused: Count
    for_approval: Count
    items: list[Replayed]


class PolicyRules(Resource):
    limits: list[AssetLimit]
    allowed_recipients: list[str] | None
    allowed_contracts: list[str] | None
    allowed_selectors: list[str] | None
    allowed_typed_data: list[TypedDataName] | None
    approval_above: str | None
    approvers: list[str] | None
    approvals_required: int | None
    max_fee_per_day: str | None
    paused: bool


class PendingPolicy(PolicyRules):
    """The rules of a looser policy that apply from `holds_from`."""

    holds_from: Instant


class Policy(PolicyRules):
    """The rules of a wallet; amounts in base units. Version 0: none was ever set. `pending`: a looser policy
    that was requested and does not apply yet; DELETE /wallets/{wallet_id}/policy/pending or another PUT
    withdraws it.
    """

    wallet_id: str
    pending: PendingPolicy | None
    version: int
    updated_at: Instant

    @classmethod
    def of(cls, policy: policies.Policy) -> Policy:
        pending = None
        if policy.pending is not None and policy.pending_at is not None:
            pending = PendingPolicy(holds_from=policy.pending_at, **_shown(policy.pending))
        return cls(
            wallet_id=policy.id,
            **_shown(policy_changes.rules_of(policy)),
            pending=pending,
            version=policy.version,
            updated_at=policy.updated_at,
        )


def _shown(rules: Mapping[str, Any]) -> dict[str, Any]:
    """The domain's rules, in the form of an answer."""
    texts = {
        name: None if rules[name] is None else str(rules[name])
        for name in ("approval_above", "max_fee_per_day")
    }
    limits = [AssetLimit.of(asset, limit) for asset, limit in rules["limits"].items()]
    typed = rules["allowed_typed_data"]
    names = None if typed is None else [TypedDataName(**one) for one in typed]
    return dict(rules) | texts | {"limits": limits, "allowed_typed_data": names}
