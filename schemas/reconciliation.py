"""The request and the result of a reconciliation."""

from __future__ import annotations

from typing import Literal

from schemas.base import ListQuery, Resource


class Reconcile(ListQuery):
    """One page of supplies at a time; continue with the cursor until it is null."""


class Difference(Resource):
    """`ledger`: a supply differs from its ledger; `funds`: the commitments of an address differ from its
    supplies; `chain`: the balance on chain is below the commitments. Base units.
    """

    kind: Literal["ledger", "funds", "chain"]
    subject: str
    message: str
    expected: str | None = None
    found: str | None = None


class Reconciliation(Resource):
    """An empty list of differences means that everything on this page agrees."""

    supplies: int
    addresses: int
    differences: list[Difference]
    next_cursor: str | None
