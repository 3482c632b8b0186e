"""Wallets' policies at the border. Amounts are base units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, StringConstraints, field_validator
from pydantic_core import PydanticCustomError

from schemas.base import Address, BaseUnits, Flag, Id, Instant, Request, Resource
from shared.domain.wallets import policies

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


class GetPolicy(Request):
    wallet_id: Id


class UpdatePolicy(Request):
    """The whole policy of a wallet; an absent list allows everything, an empty one nothing. What exceeds
    `approval_above` waits for one of the `approvers` (user ids), or for an administrator."""

    wallet_id: Id
    limits: Annotated[list[AssetLimit], Field(max_length=100)] = Field(default_factory=list)
    allowed_recipients: Annotated[list[Address], Field(max_length=1000)] | None = None
    allowed_contracts: Annotated[list[Address], Field(max_length=1000)] | None = None
    allowed_selectors: Annotated[list[Selector], Field(max_length=1000)] | None = None
    approval_above: BaseUnits | None = None
    approvers: Annotated[list[Id], Field(max_length=50)] | None = None
    paused: Flag = False

    @field_validator("limits")
    @classmethod
    def _once(cls, limits: list[AssetLimit]) -> list[AssetLimit]:
        if len({limit.asset.lower() for limit in limits}) != len(limits):
            raise PydanticCustomError("repeated", "must not name an asset twice")
        return limits

    def rules(self) -> dict[str, Any]:
        """As the domain's policy names them."""
        amounts = ("max_per_transaction", "max_per_day")
        return {
            "limits": {
                one.asset.lower(): {name: getattr(one, name) for name in amounts} for one in self.limits
            },
            "allowed_recipients": self.allowed_recipients,
            "allowed_contracts": self.allowed_contracts,
            "allowed_selectors": self.allowed_selectors,
            "approval_above": None if self.approval_above is None else int(self.approval_above),
            "approvers": self.approvers,
            "paused": self.paused,
        }


class Policy(Resource):
    """A wallet's rules; amounts in base units. Version 0: none was ever set."""

    wallet_id: str
    limits: list[AssetLimit]
    allowed_recipients: list[str] | None
    allowed_contracts: list[str] | None
    allowed_selectors: list[str] | None
    approval_above: str | None
    approvers: list[str] | None
    paused: bool
    version: int
    updated_at: Instant

    @classmethod
    def of(cls, policy: policies.Policy) -> Policy:
        return cls(
            wallet_id=policy.id,
            limits=[AssetLimit.of(asset, limit) for asset, limit in policy.limits.items()],
            allowed_recipients=policy.allowed_recipients,
            allowed_contracts=policy.allowed_contracts,
            allowed_selectors=policy.allowed_selectors,
            approval_above=None if policy.approval_above is None else str(policy.approval_above),
            approvers=policy.approvers,
            paused=policy.paused,
            version=policy.version,
            updated_at=policy.updated_at,
        )
