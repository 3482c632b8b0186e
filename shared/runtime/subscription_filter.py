"""Which messages of a topic a subscription is for, as a filter of Pub/Sub and as a check of one's own.

Pub/Sub takes filters of at most 256 characters and bills what a filter keeps away as a delivery, but calls nobody. So
types are named by what is shorter, those that are wanted or those that are not, or by how they begin; where nothing
fits, all types come. The application drops what it does not take. A message that lacks an attribute passes: another
release may have sent it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from shared.domain import event_types

TYPE: Final = "ce-type"
REGION: Final = "ce-region"  # where the copies of what changed were expired with the commit
WAKES: Final = "ce-wakes"  # "no": no endpoint of anybody who is told wants it
OWN_REGION: Final = "{region}"  # in a filter: the region of the subscription
MOST: Final = 256
LONGEST_REGION: Final = 24


def text(topic: str, types: Sequence[str], unless: Mapping[str, str]) -> str:
    """The filter of a subscription; "" for all messages. `unless` names what keeps a message away."""
    against = [f'NOT attributes."{name}" = "{value}"' for name, value in unless.items()]
    if "*" in types:
        return " AND ".join(against)
    wanted = [f'attributes."{TYPE}" = "{kind}"' for kind in types]
    unwanted = [f'NOT attributes."{TYPE}" = "{kind}"' for kind in _of_topic(topic) if kind not in types]
    ways = [[_any(wanted, against), *against], [_any(_begun(types), against), *against]]
    if _of_topic(topic):
        ways.append([*unwanted, *against])
    fitting = [way for way in map(" AND ".join, ways) if _fits(way)]
    exact = [way for way in fitting if "hasPrefix" not in way]
    return min(exact or fitting, key=len, default=" AND ".join(against))


def _any(conditions: Sequence[str], others: Sequence[str]) -> str:
    joined = " OR ".join(conditions)
    return f"({joined})" if others and len(conditions) > 1 else joined


def _begun(types: Sequence[str]) -> list[str]:
    """Types by how they begin, where several begin alike."""
    begins = Counter(kind[: kind.index(".") + 3] for kind in types)
    return [
        f'hasPrefix(attributes."{TYPE}", "{begin}")'
        if count > 1
        else next(f'attributes."{TYPE}" = "{kind}"' for kind in types if kind.startswith(begin))
        for begin, count in begins.items()
    ]


def keeps_away(attributes: Mapping[str, str], unless: Mapping[str, str], region: str) -> bool:
    """Whether these attributes of a message are among what its subscription leaves out."""
    return any(
        attributes.get(name) == (region if value == OWN_REGION else value) for name, value in unless.items()
    )


def _fits(filter_text: str) -> bool:
    return len(filter_text.replace(OWN_REGION, "x" * LONGEST_REGION)) <= MOST


def _of_topic(topic: str) -> tuple[str, ...]:
    """The types that are known to come on a topic of events; others may."""
    if not topic.endswith("-events"):
        return ()
    return (*event_types.of(topic.removesuffix("-events")), *event_types.of("command"))
