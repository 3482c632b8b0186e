"""The index of contracts' events, through the API: follow, backfill, decode, filter, page, take back."""

from __future__ import annotations

from typing import Any

import pytest

from shared import resources
from shared.store.session import Session
from shared.store.table import TABLES
from tests.emulated.contracts.conftest import USER, Lab
from tests.emulated.contracts.index_world import Indexed


@pytest.fixture
def indexed(lab: Lab) -> Indexed:
    return Indexed(lab)


def test_events_are_filled_in_and_followed(indexed: Indexed) -> None:
    lab = indexed.lab
    logger = lab.take("Logger")
    for number in range(3):
        indexed.send(logger, "note", number, "old")
        lab.world.mine()
    lab.world.mine(3)
    assert indexed.refused(logger, "")["code"] == "NOT_FOLLOWED"
    state = indexed.follow(logger, from_block=0)
    assert (state["live"], state["from_block"], state["index"]) == (False, 0, None)
    indexed.passes()
    indexed.send(logger, "note", 3, "new")
    lab.world.mine()
    indexed.passes(2)
    assert indexed.stored(logger) == indexed.node(logger) and len(indexed.node(logger)) == 4
    newest = indexed.events(logger)[0]
    assert newest["event"] == "Noted" and newest["signature"] == "Noted(uint256,address,string)"
    assert newest["arguments"] == {"number": "3", "by": lab.web3.to_checksum_address(lab.bank), "text": "new"}
    assert not newest["final"] and indexed.events(logger)[-1]["final"]
    state = indexed.state(logger)
    assert (state["live"], state["blocks_missing"], state["fault"]) == (True, 0, None)
    assert state["index"]["indexed_to"] == state["index"]["head"] == lab.world.head()
    lab.world.mine()
    indexed.passes(2)  # no event comes twice
    assert indexed.stored(logger) == indexed.node(logger)
    (told,) = indexed.told("contract.event")
    assert told["contract_id"] == logger["id"] and told["more"] == 0
    assert [one["arguments"]["number"] for one in told["events"]] == ["3"]


def test_events_are_found_by_event_block_and_indexed_argument(indexed: Indexed) -> None:
    lab = indexed.lab
    logger = lab.take("Logger")
    indexed.follow(logger, from_block=0)
    for number in range(6):
        indexed.send(logger, "note", number % 3, "x")
        indexed.send(logger, "rename", "name", number % 2 == 0)
        lab.world.mine()
    indexed.passes(2)
    assert len(indexed.events(logger, limit=5)) == 12
    noted = indexed.events(logger, event="Noted")
    assert [one["arguments"]["number"] for one in noted] == ["2", "1", "0"] * 2
    low = noted[-1]["block_number"]
    assert len(indexed.events(logger, event="Noted", from_block=low + 1, to_block=low + 4, limit=2)) == 4
    assert len(indexed.events(logger, from_block=low, to_block=low, limit=1)) == 2
    ones = indexed.events(logger, event="Noted(uint256,address,string)", number="1", limit=1)
    assert [one["arguments"]["number"] for one in ones] == ["1", "1"]
    assert len(indexed.events(logger, event="Noted", number="1", by=lab.bank, limit=1)) == 2
    assert indexed.events(logger, event="Noted", number="1", by="0x" + "11" * 20) == []
    assert len(indexed.events(logger, event="Renamed", name="name", yes="false", limit=2)) == 3
    assert len(indexed.events(logger, event="Renamed", topic2="0x" + "00" * 31 + "01")) == 3


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("event=Nothing", "UNKNOWN_EVENT"),
        ("event=Hidden", "UNKNOWN_EVENT"),
        ("event=Noted&text=x", "NOT_INDEXED"),
        ("event=Noted&nobody=x", "NOT_INDEXED"),
        ("event=Noted&number=x", "VALIDATION_FAILED"),
        ("event=Noted&number=-1", "VALIDATION_FAILED"),
        ("event=Noted&by=0x12", "VALIDATION_FAILED"),
        ("number=1", "VALIDATION_FAILED"),
        ("topic1=0x12", "VALIDATION_FAILED"),
        ("from_block=-1", "VALIDATION_FAILED"),
        ("from_block=x", "VALIDATION_FAILED"),
        ("from_block=5&to_block=4", "VALIDATION_FAILED"),
        ("from_block=99999999999999999999", "VALIDATION_FAILED"),
        ("limit=0", "VALIDATION_FAILED"),
        ("event=Renamed&yes=maybe", "VALIDATION_FAILED"),
    ],
)
def test_bad_filters_are_refused(indexed: Indexed, query: str, code: str) -> None:
    logger = indexed.lab.take("Logger")
    indexed.follow(logger)
    assert indexed.refused(logger, query)["code"] == code


def test_bad_follows_are_refused(indexed: Indexed) -> None:
    app, logger = indexed.lab.world.app, indexed.lab.take("Logger")
    path = f"/contracts/{logger['id']}/follow"
    future = app.call("PUT", path, {"from_block": 10_000}, user=USER)
    assert (future.code, future.body["error"]["data"]) == ("FUTURE_BLOCK", {"head": indexed.lab.world.head()})
    for wish in (
        {"from_block": -1},
        {"from_block": "1"},
        {"confirmations": 0},
        {"confirmations": 10_001},
        {"announce": "yes"},
        {"factory": {}},
        {"factory": {"event": "Noted", "argument": "text", "abi": []}},
        {"factory": {"event": "Noted", "argument": "nothing", "abi": []}},
        {"more": 1},
    ):
        assert app.call("PUT", path, wish, user=USER).code == "VALIDATION_FAILED", wish
    unknown = {"factory": {"event": "Nothing", "argument": "by", "abi": []}}
    assert app.call("PUT", path, unknown, user=USER).code == "UNKNOWN_EVENT"
    assert app.call("PUT", path, {}, user="usr_other").code == "NOT_FOUND"
    assert app.call("GET", path, user="usr_other").code == "NOT_FOUND"
    assert app.call("DELETE", path, user=USER).code == "NOT_FOLLOWED"


def test_factories_are_bounded(indexed: Indexed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each contract that a factory adds has a copy of the ABI, and each factory of an address adds one for each event.
    The tests limit what one commit contains, because a block that is too large for it would stop the index for
    everybody."""
    from shared.contracts.events import factories, following

    lab = indexed.lab
    app, factory = lab.world.app, lab.take("LoggerFactory")
    path = f"/contracts/{factory['id']}/follow"
    rule: dict[str, Any] = {"event": "Made", "argument": "logger"}
    large = [{"type": "error", "name": f"E{number}" + "x" * 200, "inputs": []} for number in range(300)]
    refused = app.call("PUT", path, {"factory": rule | {"abi": large}}, user=USER)
    assert (refused.status, refused.code) == (422, "INVALID_ABI")
    assert app.call("GET", path, user=USER).code == "NOT_FOLLOWED"
    monkeypatch.setattr(following, "MAX_FACTORIES", 2)
    answers = []
    for user in ("usr_a", "usr_b", "usr_c"):
        own = lab.take("LoggerFactory", at=factory["address"], user=user)
        wish = {"factory": rule | {"abi": []}}
        answers.append(app.call("PUT", f"/contracts/{own['id']}/follow", wish, user=user).code)
    assert answers == [None, None, "TOO_MANY_FOLLOWS"]
    indexed.passes(2)
    monkeypatch.setattr(factories, "ADDED_AT_ONCE", 4)
    sizes: list[int] = []
    follow = factories.follow_announced

    def counted(unit: Any, chain: str, events: Any) -> None:
        sizes.append(sum(one.address == factory["address"].lower() for one in events))
        follow(unit, chain, events)

    monkeypatch.setattr(factories, "follow_announced", counted)
    indexed.send(factory, "make", 7)
    lab.world.mine(3)
    indexed.passes(3)
    assert max(sizes) <= 2 and sum(sizes) >= 7
    for user in ("usr_a", "usr_b"):
        assert len(app.ok(200, "GET", "/contracts", user=user)["items"]) == 8


def test_what_the_abi_does_not_have_is_raw_until_it_does(indexed: Indexed) -> None:
    lab = indexed.lab
    logger = lab.take("Logger")
    app = lab.world.app
    short = [one for one in logger["abi"] if one.get("name") == "Renamed"]
    path = f"/contracts/{logger['id']}/abi"
    assert app.ok(200, "PUT", path, {"abi": short}, user=USER)["version"] == 2
    indexed.follow(logger)
    indexed.send(logger, "note", 1, "x")
    lab.world.mine()
    indexed.passes(2)
    (event,) = indexed.events(logger)
    assert (event["event"], event["arguments"]) == (None, None) and len(event["topics"]) == 3
    assert app.ok(200, "PUT", path, {"abi": logger["abi"]}, user=USER)["version"] == 3
    assert indexed.events(logger)[0]["event"] == "Noted"
    assert app.call("PUT", path, {"abi": [{"type": "spell"}]}, user=USER).code == "INVALID_ABI"
    assert app.call("PUT", path, {"abi": []}, user="usr_other").code == "NOT_FOUND"


def test_logs_that_lie_are_kept_as_they_are(indexed: Indexed) -> None:
    lab = indexed.lab
    logger = lab.take("Logger")
    indexed.follow(logger)
    indexed.send(logger, "lie")
    indexed.send(logger, "hide", 5)
    lab.world.mine()
    indexed.passes(2)
    found = indexed.events(logger)
    assert len(found) == 5 and {one["event"] for one in found} == {None}
    assert [len(one["topics"]) for one in found] == [1, 0, 1, 3, 1]


def test_a_bomb_of_events_is_bounded(indexed: Indexed, monkeypatch: pytest.MonkeyPatch) -> None:
    from shared.contracts.events import factories, live

    monkeypatch.setattr(live, "MAX_PER_BLOCK", 60)
    monkeypatch.setattr(factories, "EVENTS_AT_ONCE", 25)
    lab = indexed.lab
    logger, quiet = lab.take("Logger"), lab.take("Logger")
    indexed.follow(logger)
    indexed.follow(quiet)
    indexed.send(logger, "bomb", 100, 10)
    indexed.send(quiet, "note", 1, "x" * 40_000)
    lab.world.mine()
    indexed.passes()
    assert len(indexed.events(logger, limit=100)) == 60 and len(indexed.events(quiet)) == 1
    lab.world.mine(2)
    indexed.passes()
    (cut,) = indexed.events(quiet)
    assert cut["event"] is None and len(cut["data"]) == 2 + 2 * 32 * 1024
    assert cut["data_bytes"] == 40_064
    (told,) = [one for one in indexed.told("contract.event") if one["contract_id"] == logger["id"]]
    assert (len(told["events"]), told["more"]) == (50, 10)


def test_contracts_that_a_factory_makes_are_followed(indexed: Indexed) -> None:
    lab = indexed.lab
    factory = lab.take("LoggerFactory")
    indexed.send(factory, "make", 2)
    lab.world.mine()
    child_abi = lab.code["Logger"].abi
    rule = {"event": "Made", "argument": "logger", "abi": child_abi}
    indexed.follow(factory, from_block=0, factory=rule)
    lab.world.mine()
    indexed.passes(3)
    indexed.send(factory, "make", 3)
    lab.world.mine()
    indexed.passes(3)
    assert indexed.state(factory)["factory"] == {
        "event": "Made(address,uint256)",
        "argument": "logger",
        "contracts": 5,
    }
    listed = lab.world.app.ok(200, "GET", "/contracts", user=USER)["items"]
    children = [one for one in listed if one["id"] != factory["id"]]
    assert len(children) == 5 and {one["type"] for one in children} == {"custom"}
    for child in children:
        (event,) = indexed.events(child)
        assert event["arguments"]["text"] == "born"
        assert indexed.state(child)["parent_id"] == factory["id"]


def test_what_nobody_follows_any_more_goes(indexed: Indexed) -> None:
    lab = indexed.lab
    logger = lab.take("Logger")
    indexed.follow(logger)
    other = {"name": "o", "address": logger["address"], "abi": logger["abi"]}
    theirs = lab.world.app.ok(201, "POST", "/contracts/import", other, user="usr_other")
    lab.world.app.ok(200, "PUT", f"/contracts/{theirs['id']}/follow", {}, user="usr_other")
    indexed.send(logger, "note", 1, "x")
    lab.world.mine()
    indexed.passes(2)
    lab.world.app.ok(204, "DELETE", f"/contracts/{logger['id']}/follow", user=USER)
    indexed.passes(2)
    path = f"/contracts/{theirs['id']}/events"
    assert len(lab.world.app.ok(200, "GET", path, user="usr_other")["items"]) == 1
    lab.world.app.ok(204, "DELETE", f"/contracts/{theirs['id']}/follow", user="usr_other")
    indexed.passes(3)
    assert indexed.refused(logger, "")["code"] == "NOT_FOLLOWED"
    assert rows_of("contract_events") == rows_of("followed_addresses") == 0
    indexed.follow(logger, from_block=0)
    indexed.passes(3)
    assert indexed.stored(logger) == indexed.node(logger) != []


def test_an_erased_account_leaves_no_contracts(indexed: Indexed) -> None:
    from shared.auth import personal_data
    from shared.domain.users import register
    from shared.runtime.context import running
    from shared.store.tables.users import USERS
    from shared.writes.commit import commit
    from tests.emulated.engine.world import as_system

    lab = indexed.lab
    loggers = [lab.take("Logger") for _ in range(3)]
    for logger in loggers[:2]:
        indexed.follow(logger)
        indexed.send(logger, "note", 1, "x")
    lab.world.mine()
    indexed.passes(2)
    assert rows_of("contract_events") == 2
    user = register(user_id=USER, email="e@example.com", password_hash="h", now=resources.clock().now())
    resources.database().write([USERS.write("insert", user)])
    with running(as_system("delete_me")):
        commit(lambda unit: personal_data.erase(unit, USER, frozenset()))
    indexed.passes(5)
    assert [rows_of(one) for one in ("contracts", "follows", "followed_addresses", "contract_events")] == [
        0
    ] * 4


def rows_of(table: str) -> int:
    found: list[Any] = Session(resources.database().snapshot()).many(TABLES[table].scan())
    return len(found)
