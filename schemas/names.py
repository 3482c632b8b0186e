"""Names of ENS."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from schemas.base import Address, ChainName, Request, Resource

NameText = Annotated[str, StringConstraints(min_length=3, max_length=255)]


class ResolveName(Request):
    name: NameText
    chain: ChainName | None = None


class FindName(Request):
    address: Address
    chain: ChainName | None = None


class ResolvedName(Resource):
    """`name` as ENS writes it, in lower case (ENSIP-15)."""

    name: str
    chain: str
    address: str


class FoundName(Resource):
    """`name` is null if the address has no name, or if the name resolves to another address."""

    address: str
    chain: str
    name: str | None
