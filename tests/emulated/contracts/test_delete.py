"""Deleting contracts: what ends with one, what stays, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared import resources
from shared.chain.client import ChainClient
from shared.store.session import Session
from shared.store.tables.contract_events import EVENTS, FOLLOWED, FOLLOWS
from shared.store.tables.metadata import METADATA
from shared.store.tables.system import AUDIT
from tests.emulated.contracts.conftest import USER, Lab
from tests.emulated.contracts.index_world import Indexed
from tests.emulated.contracts.test_deploy import Deployer


def path_of(contract: Any) -> str:
    return f"/contracts/{contract['id']}"


def test_a_deleted_contract_is_gone(lab: Lab) -> None:
    app, made = lab.world.app, lab.take("Shapes")
    app.ok(200, "PUT", path_of(made), {"metadata": {"a": "b"}}, user=USER)
    assert app.call("DELETE", path_of(made), user="usr_other").code == "NOT_FOUND"
    assert app.call("DELETE", path_of(made), user=USER, headers={"If-Match": '"1"'}).status == 412
    app.ok(204, "DELETE", path_of(made), user=USER)
    assert app.call("DELETE", path_of(made), user=USER).code == "NOT_FOUND"
    for place in (path_of(made), f"{path_of(made)}/abi", f"/contracts/by-address/local/{made['address']}"):
        assert app.call("GET", place, user=USER).code == "NOT_FOUND"
    assert app.ok(200, "GET", "/contracts", user=USER)["items"] == []
    session = Session(resources.database().snapshot())
    assert session.many(METADATA.scan(USER)) == []
    (row,) = [one for one in session.many(AUDIT.scan()) if one.action == "delete_contract"]
    assert row.resource == made["id"] and made["address"] in str(row.details)
    (told,) = [one for _, one in lab.world.published.sent if one["type"] == "contract.deleted"]
    assert told["subject"] == made["id"] and told["data"]["abi"] is None
    assert lab.take("Shapes", at=made["address"])["id"] != made["id"]


def test_deleting_makes_room(lab: Lab) -> None:
    made = lab.take("Shapes")
    settings = replace(resources.settings(), account_limits={"contracts": 1, "follows": 1})
    with resources.override(settings=settings):
        body = {"name": "other", "address": lab.put("Shapes"), "abi": []}
        refused = lab.world.app.call("POST", "/contracts/import", body, user=USER)
        assert refused.code == "TOO_MANY_CONTRACTS"
        lab.world.app.ok(204, "DELETE", path_of(made), user=USER)
        lab.world.app.ok(201, "POST", "/contracts/import", body, user=USER)


def test_its_follow_ends_and_that_of_others_stays(lab: Lab) -> None:
    indexed, app = Indexed(lab), lab.world.app
    logger = lab.take("Logger")
    theirs = lab.take("Logger", at=logger["address"], user="usr_other")
    indexed.follow(logger)
    app.ok(200, "PUT", f"{path_of(theirs)}/follow", {"announce": False}, user="usr_other")
    indexed.passes()
    indexed.send(logger, "note", 1, "x")
    lab.world.mine()
    app.ok(204, "DELETE", path_of(logger), user=USER)
    indexed.passes(2)
    assert indexed.told("contract.event") == [], "what was not announced yet is not announced"
    for method, what in (("GET", "events"), ("GET", "follow"), ("DELETE", "follow")):
        assert app.call(method, f"{path_of(logger)}/{what}", user=USER).code == "NOT_FOUND"
    assert len(app.ok(200, "GET", f"{path_of(theirs)}/events", user="usr_other")["items"]) == 1
    app.ok(204, "DELETE", path_of(theirs), user="usr_other")
    indexed.passes(3)
    session = Session(resources.database().snapshot())
    for table in (EVENTS, FOLLOWED, FOLLOWS):
        assert session.many(table.scan()) == []


def test_a_factory_may_add_a_contract_for_each_that_is_deleted(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shared.contracts.events import factories

    monkeypatch.setattr(factories, "MAX_CHILDREN", 2)
    indexed, app = Indexed(lab), lab.world.app
    factory = lab.take("LoggerFactory")
    indexed.follow(factory, factory={"event": "Made", "argument": "logger", "abi": lab.code["Logger"].abi})
    indexed.passes()

    def children() -> list[Any]:
        lab.world.mine()
        indexed.passes(3)
        listed = app.ok(200, "GET", "/contracts", user=USER)["items"]
        return [one for one in listed if one["id"] != factory["id"]]

    indexed.send(factory, "make", 3)
    first, second = children()
    app.ok(204, "DELETE", path_of(first), user=USER)
    assert indexed.state(factory)["factory"]["contracts"] == 1
    indexed.send(factory, "make", 2)
    third = next(one for one in children() if one["id"] != second["id"])
    assert indexed.state(factory)["factory"]["contracts"] == 2
    indexed.follow(second)  # now it is its user's
    assert indexed.state(factory)["factory"]["contracts"] == 1
    app.ok(204, "DELETE", f"{path_of(third)}/follow", user=USER)
    assert indexed.state(factory)["factory"]["contracts"] == 0
    app.ok(204, "DELETE", path_of(factory), user=USER)
    assert {one["id"] for one in children()} == {second["id"], third["id"]}
    indexed.state(second)


def test_a_contract_that_is_being_deployed_is_not_deleted(lab: Lab) -> None:
    deployer, app = Deployer(lab), lab.world.app
    made = deployer.deploy("Coin", "Coin", "CN", "6", "1000", type="erc20")["contract"]
    refused = app.call("DELETE", path_of(made), user=USER)
    assert (refused.status, refused.code) == (409, "INVALID_STATE")
    done = deployer.settled(made)
    sent = deployer.send(done, "transfer", lab.world.wallet().address, "7")
    app.ok(204, "DELETE", path_of(made), user=USER)
    deployer.told = 0
    deployer.tell()  # what comes late finds nothing
    lab.world.settle()
    state = app.ok(200, "GET", f"/transactions/{sent.body['id']}", user=USER)
    assert state["status"] == "confirmed", "what was accepted is sent in any case"


def test_nobody_follows_what_is_deleted_meanwhile(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A follow without its contract could not be ended: it counted for ever, and its address was indexed for ever."""
    app, logger = lab.world.app, lab.take("Logger")
    real = ChainClient.block_number

    def block_number(self: ChainClient, *given: Any) -> int:
        monkeypatch.setattr(ChainClient, "block_number", real)
        app.ok(204, "DELETE", path_of(logger), user=USER)
        return real(self, *given)

    monkeypatch.setattr(ChainClient, "block_number", block_number)
    assert app.call("PUT", f"{path_of(logger)}/follow", {}, user=USER).code == "NOT_FOUND"
    assert Session(resources.database().snapshot()).many(FOLLOWS.scan()) == []
