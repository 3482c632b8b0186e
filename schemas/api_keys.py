"""API keys: their creation, and what their owner and administrators see of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, StringConstraints

from schemas.base import Id, Instant, Label, Page, PageQuery, Request, Resource

if TYPE_CHECKING:
    from shared.store.tables.api_keys import ApiKeyRow


class CreateApiKey(Request):
    """`scopes` are permissions; a key never has more than its owner. Without `expires_at` it is valid for 90
    days, at most for a year.
    """

    name: Label
    scopes: Annotated[
        list[Annotated[str, StringConstraints(max_length=64)]], Field(min_length=1, max_length=50)
    ]
    expires_at: Instant | None = None


class DeleteApiKey(Request):
    api_key_id: Id


class ListApiKeys(PageQuery):
    pass


class ApiKey(Resource):
    """`hint` is the beginning of the key. `last_used_at` is updated hourly, by operations that may write."""

    id: str
    name: str
    scopes: list[str]
    hint: str
    expires_at: Instant
    last_used_at: Instant | None
    version: int
    created_at: Instant

    @classmethod
    def of(cls, row: ApiKeyRow) -> ApiKey:
        return cls.model_validate(
            {name: getattr(row, name) for name in cls.model_fields}
            | {"scopes": [*row.scopes], "expires_at": row.ends_at}
        )


class ApiKeyPage(Page[ApiKey]):
    """The caller's API keys."""


class CreatedApiKey(ApiKey):
    """The key is shown only here. Send it as X-API-Key."""

    SHOW_ONCE: ClassVar[frozenset[str]] = frozenset({"api_key"})

    api_key: Annotated[str | None, Field(repr=False)]

    @classmethod
    def of(cls, row: ApiKeyRow, text: str = "") -> CreatedApiKey:
        return cls(**dict(ApiKey.of(row)), api_key=text)
