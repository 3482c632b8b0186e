"""Filters of subscriptions have at most 256 characters, and never exclude a message that an operation accepts."""

from __future__ import annotations

import re

import pytest

from shared.runtime import operation, subscription_filter

EVERY = [
    (entry, trigger)
    for entry in operation.catalog().values()
    for trigger in entry.messages
    if "*" not in trigger.types
]


def passes(text: str, attributes: dict[str, str]) -> bool:
    """Evaluate the few forms in use: `NOT a = "v"`, `a = "v"`, `hasPrefix(a, "v")`, OR in parentheses."""

    def holds(condition: str) -> bool:
        alternatives = condition.strip("()").split(" OR ") if " OR " in condition else [condition]
        return any(one(each) for each in alternatives)

    def one(condition: str) -> bool:
        if found := re.fullmatch(r'hasPrefix\(attributes\."([\w-]+)", "([^"]+)"\)', condition):
            return attributes.get(found[1], "").startswith(found[2])
        found = re.fullmatch(r'(NOT )?attributes\."([\w-]+)" = "([^"]+)"', condition)
        assert found, condition
        return (attributes.get(found[2]) == found[3]) != bool(found[1])

    return not text or all(map(holds, text.split(" AND ")))


@pytest.mark.parametrize(("entry", "trigger"), EVERY, ids=[f"{e.name}.{t.topic}" for e, t in EVERY])
def test_a_filter_fits_and_keeps_nothing_away_that_is_taken(
    entry: operation.Operation, trigger: operation.MessageTrigger
) -> None:
    text = trigger.filter
    assert text, f"{entry.name} would be called for all of {trigger.topic}"
    assert len(text.encode()) <= subscription_filter.MAX_FILTER
    for kind in trigger.types:
        assert passes(text, {"ce-type": kind}), kind
    for name, value in trigger.unless.items():
        away = {"ce-type": trigger.types[0], name: value}
        assert not passes(text, away)
        assert passes(text, {**away, name: "other"})
        assert subscription_filter.keeps_away(away, trigger.unless)
        assert not subscription_filter.keeps_away({**away, name: "other"}, trigger.unless)


def test_types_are_named_by_what_is_shortest() -> None:
    few = subscription_filter.text("order-events", ["order.created", "order.claimed"], {})
    assert few == 'attributes."ce-type" = "order.created" OR attributes."ce-type" = "order.claimed"'
    most = subscription_filter.text("claim-events", [f"claim.{'x' * 40}{n}" for n in range(9)], {})
    assert len(most) <= 256
    alike = subscription_filter.text("other", [f"some.thing{n}{'y' * 30}" for n in range(9)], {"a": "b"})
    assert alike == 'hasPrefix(attributes."ce-type", "some.th") AND NOT attributes."a" = "b"'
    apart = [f"some.{letter}{letter}{'y' * 30}" for letter in "abcdefgh"]
    assert subscription_filter.text("other", apart, {"a": "b"}) == 'NOT attributes."a" = "b"'
