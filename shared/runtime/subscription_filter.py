"""Select the messages of a topic for a subscription, as a Pub/Sub filter and as a check in the application.

Pub/Sub allows filters of at most 256 characters. It bills a filtered message as a delivery, but does not push it. So a
filter lists the shorter of the wanted and the unwanted types, or common prefixes; if nothing fits, all types are
delivered. The application drops messages that it does not handle. A message that lacks an attribute passes, because
another release may have sent it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from shared.domain import event_types

TYPE_ATTRIBUTE: Final = "ce-type"
WAKES: Final = "ce-wakes"  # "no": no webhook endpoint of the notified users wants it
MAX_FILTER: Final = 256


def text(topic: str, types: Sequence[str], unless: Mapping[str, str]) -> str:
    """The filter of a subscription; "" for all messages. `unless` lists the attributes that exclude a message."""
    against = [f'NOT attributes."{name}" = "{value}"' for name, value in unless.items()]
    if "*" in types:
        return " AND ".join(against)
    wanted = [f'attributes."{TYPE_ATTRIBUTE}" = "{kind}"' for kind in types]
    unwanted = [
        f'NOT attributes."{TYPE_ATTRIBUTE}" = "{kind}"' for kind in _of_topic(topic) if kind not in types
    ]
    ways = [[_any(wanted, against), *against], [_any(_begun(types), against), *against]]
    if _of_topic(topic):
        ways.append([*unwanted, *against])
    fitting = [way for way in map(" AND ".join, ways) if len(way) <= MAX_FILTER]
    exact = [way for way in fitting if "hasPrefix" not in way]
    return min(exact or fitting, key=len, default=" AND ".join(against))


def _any(conditions: Sequence[str], others: Sequence[str]) -> str:
    joined = " OR ".join(conditions)
    return f"({joined})" if others and len(conditions) > 1 else joined


def _begun(types: Sequence[str]) -> list[str]:
    """Conditions for the types, by a common prefix if several share one."""
    begins = Counter(kind[: kind.index(".") + 3] for kind in types)
    return [
        f'hasPrefix(attributes."{TYPE_ATTRIBUTE}", "{begin}")'
        if count > 1
        else next(f'attributes."{TYPE_ATTRIBUTE}" = "{kind}"' for kind in types if kind.startswith(begin))
        for begin, count in begins.items()
    ]


def keeps_away(attributes: Mapping[str, str], unless: Mapping[str, str]) -> bool:
    """Whether a message's attributes are among those that its subscription excludes."""
    return any(attributes.get(name) == value for name, value in unless.items())


def _of_topic(topic: str) -> tuple[str, ...]:
    """The types that are known on a topic of events; there may be others."""
    if not topic.endswith("-events"):
        return ()
    return (*event_types.of(topic.removesuffix("-events")), *event_types.of("command"))
