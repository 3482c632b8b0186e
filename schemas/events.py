"""Events as consumers and the feed's readers see them: CloudEvents 1.0."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field, StringConstraints

from schemas.base import Cursor, Instant, Limit, Request, Resource


class CloudEvent(Resource):
    """`data` is the resource as GET would return it to this reader; `sequence` counts the events of the subject."""

    specversion: Literal["1.0"] = "1.0"
    id: str
    source: str
    type: str
    subject: str
    time: Instant
    datacontenttype: Literal["application/json"] = "application/json"
    sequence: int
    causation_id: Annotated[
        str | None,
        Field(
            validation_alias=AliasChoices("causation_id", "causationid"),
            description="the id of the command that caused it",
        ),
    ] = None
    data: dict[str, Any]


class EventPage(Resource):
    """Oldest first. `cursor` continues after this page, even if the page is empty."""

    items: list[CloudEvent]
    cursor: str


def _number(value: object) -> object:
    return float(value) if isinstance(value, str) and value.replace(".", "", 1).isdecimal() else value


class StreamEvents(Request):
    """The caller's own events after a cursor (else after `Last-Event-ID`); `types` is a comma-separated list of
    event types, or all types of an aggregate as `order.*`.
    """

    after: Cursor | None = None
    types: Annotated[str, StringConstraints(min_length=1, max_length=2048)] | None = None


class StreamAllEvents(StreamEvents):
    """Events of all users after a cursor (else after `Last-Event-ID`, else from now on); `types` as for a
    user's own stream.
    """


class ListEvents(StreamEvents):
    """The caller's own events after a cursor; `wait` is in seconds."""

    wait: Annotated[float, Field(ge=0, le=30, allow_inf_nan=False), BeforeValidator(_number)] = 0
    limit: Limit = 50
