"""The regions, their roles, and the distances between them (docs/regions.md)."""

from __future__ import annotations

from typing import Final

LEADER: Final = "us-central1"  # Spanner's leader: every commit is decided here
STANDBY: Final = "us-east1"  # writes go here while the leader's region is lost; it serves no reads
READING: Final = ("us-central1", "europe-west1", "asia-east1")
PLACES: Final = (*READING, STANDBY)
WRITING: Final = (LEADER, STANDBY)

# Usual round trips in milliseconds.
ROUND_TRIPS: Final = {
    frozenset(("us-central1", "europe-west1")): 100,
    frozenset(("us-central1", "asia-east1")): 150,
    frozenset(("europe-west1", "asia-east1")): 250,
    frozenset(("us-central1", "us-east1")): 30,
    frozenset(("europe-west1", "us-east1")): 95,
    frozenset(("asia-east1", "us-east1")): 180,
}
WITHIN: Final = 1  # between two zones of one region


def round_trip(one: str, other: str) -> float:
    """The round trip between two regions, in seconds."""
    return (WITHIN if one == other else ROUND_TRIPS[frozenset((one, other))]) / 1000


def nearest(place: str, among: tuple[str, ...] = READING) -> list[str]:
    """The regions, ordered by their distance from `place`."""
    return sorted(among, key=lambda region: round_trip(place, region))
