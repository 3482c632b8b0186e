"""What reconciliation compares and what it found to differ."""

from __future__ import annotations

from typing import Literal

from schemas.base import ListQuery, Resource


class Reconcile(ListQuery):
    """A page of supplies at a time; go on with the cursor until it is null."""


class Difference(Resource):
    """`ledger`: a supply against its lines; `funds`: what an address has promised against its supplies;
    `chain`: what it holds on chain against what it has promised. Base units."""

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
