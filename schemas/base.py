"""The base classes of requests, answers and events, and the field types that they share.

Requests refuse unknown fields, and convert no types: a number in place of a string is refused, and so is "1" in place
of an integer. Path parameters, query parameters and body fields are one object; HTTP and commands use the same model.
Answers are built from domain objects by `X.of(...)`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Generic, Self, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from shared.domain.money import AMOUNT_PATTERN, MAX_AMOUNT_TEXT

T = TypeVar("T")
_PRINTABLE: Final = r"^[^\x00-\x1f\x7f]*$"
_MULTILINE: Final = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
METADATA_KEY: Final = r"^[A-Za-z0-9_.-]{1,40}$"
METADATA_FILTER: Final = r"^[A-Za-z0-9_.-]{1,40}:[^\x00-\x1f\x7f]{0,500}$"
_AMOUNT: Final = re.compile(AMOUNT_PATTERN)
# Further control characters, line and paragraph separators, and characters that change the direction of the text
# around them, with which one name could look like another. Marks that right-to-left scripts need are not among them.
_MISLEADS: Final = re.compile("[\x80-\x9f\u2028-\u202e\u2066-\u2069]")
_RFC3339: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)


class Request(BaseModel):
    """The base of requests. Values never appear in the text of a validation error."""

    # Built at the first use: at its start a service would build the models of all its operations.
    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, regex_engine="rust-regex", defer_build=True
    )


class Resource(BaseModel):
    """The base of answers and of the data of events."""

    model_config = ConfigDict(frozen=True, defer_build=True)


class Page(Resource, Generic[T]):
    """One page of a list, newest first; `next_cursor` is null on the last page."""

    items: list[T]
    next_cursor: str | None


def _digits(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise PydanticCustomError("integer", "must be an integer")


def _flag(value: object) -> object:
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


def _amount(text: str) -> str:
    if len(text) > MAX_AMOUNT_TEXT or not _AMOUNT.fullmatch(text):
        raise PydanticCustomError("amount", "must be a decimal number such as 1.5, above 0 and below 10^29")
    return text


def shown(text: str) -> str:
    """A text without characters that would let it look different from what it is. Raises ValueError."""
    if _MISLEADS.search(text):
        raise PydanticCustomError(
            "text", "must have no characters that break lines or turn the direction of text"
        )
    return text


def _instant(value: object) -> object:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise PydanticCustomError("time", "must be an RFC 3339 time such as 2030-01-31T12:00:00Z")
    try:
        moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value.upper()))
    except ValueError:
        raise PydanticCustomError("time", "must be a moment that exists") from None
    if not 1970 <= moment.year < 9999:
        raise PydanticCustomError("time", "must be a year from 1970 to 9998")
    return moment.astimezone(UTC)


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


Limit = Annotated[int, Field(ge=1, le=100), BeforeValidator(_digits)]
Count = Annotated[int, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
QueryFlag = Annotated[bool, Field(strict=True), BeforeValidator(_flag)]
Instant = Annotated[
    AwareDatetime,
    BeforeValidator(_instant),
    PlainSerializer(_rfc3339, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Cursor = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
Name = Annotated[
    str, StringConstraints(min_length=1, max_length=128, pattern=_PRINTABLE), AfterValidator(shown)
]
Label = Annotated[
    str, StringConstraints(min_length=1, max_length=256, pattern=_PRINTABLE), AfterValidator(shown)
]
Prose = Annotated[str, StringConstraints(max_length=2000, pattern=_MULTILINE), AfterValidator(shown)]
Reason = Annotated[
    str, StringConstraints(min_length=1, max_length=500, pattern=_MULTILINE), AfterValidator(shown)
]
ChainName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
Currency = Annotated[str, StringConstraints(pattern=r"^(0x[0-9a-fA-F]{40}|[A-Za-z0-9._-]{1,32})$")]
Address = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{40}$")]
BaseUnits = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,77})$")]
AmountText = Annotated[
    str,
    AfterValidator(_amount),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": AMOUNT_PATTERN,
            "maxLength": MAX_AMOUNT_TEXT,
            "description": "In the currency's unit, with at most its decimals; less than 10^29 of its base units.",
        }
    ),
]


Metadata = Annotated[
    dict[
        Annotated[str, StringConstraints(pattern=METADATA_KEY)],
        Annotated[str, StringConstraints(max_length=500, pattern=_PRINTABLE), AfterValidator(shown)],
    ],
    Field(max_length=16, description="up to 16 notes of your own: keys of 1 to 40 letters, digits, _ . or -"),
]
Notes = Annotated[dict[str, str], BeforeValidator(lambda found: found or {})]  # metadata in answers


class PageQuery(Request):
    """The size of a page, and the cursor to continue from."""

    limit: Limit = 50
    cursor: Cursor | None = None


class ListQuery(PageQuery):
    """The parameters of a user's lists. `user_id` is used only if the caller may read all users' rows."""

    user_id: Id | None = None


class TimedQuery(ListQuery):
    """Only resources that were created at or after `created_after` and before `created_before`."""

    created_after: Instant | None = None
    created_before: Instant | None = None

    @model_validator(mode="after")
    def _window(self) -> Self:
        if self.created_after and self.created_before and self.created_after >= self.created_before:
            raise PydanticCustomError("window", "created_before must be later than created_after")
        return self


class OwnedQuery(TimedQuery):
    """Also only resources with one metadata entry: `metadata` is `<key>:<value>`."""

    metadata: Annotated[str, StringConstraints(pattern=METADATA_FILTER)] | None = None


def optional_text(units: int | None) -> str | None:
    """Base units, or wei per gas, as text; None stays None."""
    return None if units is None else str(units)


def given(request: Request, *names: str) -> dict[str, Any]:
    """Those of the named fields that the caller sent, including nulls: the changes of a partial update."""
    return {name: getattr(request, name) for name in names if name in request.model_fields_set}
