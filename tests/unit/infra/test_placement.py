"""The rollout and Terraform place services alike, whatever the granularity."""

from __future__ import annotations

import json

import pytest

from infra.rollout import closure
from infra.rollout.command import READING, REGIONS, WRITING
from shared.runtime import operation, trust

READERS, WRITERS = set(READING.split(",")), set(WRITING.split(","))


@pytest.mark.parametrize("granularity", closure.SCALES)
def test_every_service_has_a_home_and_every_operation_a_service(granularity: str) -> None:
    services = closure.services(granularity)
    assert sorted(name for names in services.values() for name in names) == sorted(operation.catalog())
    homes = closure.homes(services, READERS, WRITERS)
    assert all(homes[service] for service in services)
    assert set().union(*homes.values()) == set(REGIONS.split(","))


def test_the_trusts_are_where_they_are_needed() -> None:
    homes = closure.homes(closure.services("trust"), READERS, WRITERS)
    assert homes["public-reads"] == homes["streams"] == READERS
    assert homes["public-writes"] == homes["engine"] == homes["identity"] == homes["events"] == WRITERS


def test_the_catalog_has_the_trust_of_each_declaration() -> None:
    entries = json.loads((closure.ROOT / "schemas/catalog.json").read_text())["operations"]
    assert {name: e["trust"] for name, e in entries.items()} == {
        name: entry.trust for name, entry in operation.catalog().items()
    }
    assert {e["trust"] for e in entries.values()} == set(trust.TRUSTS)
    assert not any(name.startswith("trust_") for name in entries), "main.py would take it for a trust"


@pytest.mark.parametrize(
    ("needs", "exposed", "writes", "streams", "wanted"),
    [
        ({"spanner"}, True, False, False, "public_reads"),
        ({"spanner"}, True, False, True, "streams"),
        ({"spanner", "vault"}, True, True, False, "public_writes"),
        ({"issuer"}, True, True, False, "identity"),
        ({"mail"}, True, True, False, "identity"),
        ({"signer"}, True, True, False, "keys"),
        ({"signer", "issuer"}, True, True, False, "keys_and_tokens"),
        ({"signer", "chain"}, False, True, False, "engine"),
        ({"relay"}, False, True, False, "events"),
    ],
)
def test_a_declaration_implies_a_trust(
    needs: set[str], exposed: bool, writes: bool, streams: bool, wanted: str
) -> None:
    assert trust.of(needs, exposed=exposed, writes=writes, streams=streams) == wanted


def test_who_signs_without_being_asked_is_not_reached_by_people() -> None:
    for entry in operation.catalog().values():
        if entry.trust == "engine":
            assert not entry.https, entry.name
        elif entry.trust not in ("keys", "keys_and_tokens"):
            assert not entry.signs, entry.name


def test_services_for_grpc_stand_beside_those_that_people_reach() -> None:
    plain, both = closure.services("trust"), closure.services("trust", grpc=True)
    beside = {name.removeprefix(closure.GRPC): names for name, names in both.items() if name not in plain}
    assert {"public-reads", "public-writes", "identity", "keys"} <= beside.keys()
    assert not beside.keys() & {"engine", "events"}
    assert all(plain[name] == names for name, names in beside.items())
    homes = closure.homes(both, READERS, WRITERS)
    assert all(homes[closure.GRPC + name] == homes[name] for name in beside)
    assert closure.digest(["get_order"]) != closure.digest(["get_order"], "grpc-public-reads")
