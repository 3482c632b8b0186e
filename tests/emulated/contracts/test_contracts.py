"""Contracts as resources: import, read, list, and ownership."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from functions.contracts import multicall
from shared import resources
from shared.domain.contracts import abi
from tests.emulated.contracts.conftest import USER, Lab
from tests.support.recorded_reads import RecordedReads, rows_with


def test_an_imported_contract_is_found_every_way(lab: Lab) -> None:
    app = lab.world.app
    made = lab.take("Shapes")
    assert made["id"].startswith("ctr_") and made["status"] == "deployed" and made["type"] == "custom"
    assert app.ok(200, "GET", f"/contracts/{made['id']}", user=USER) == made | {"proxy": None}
    for address in (made["address"], made["address"].lower()):
        path = f"/contracts/by-address/local/{address}"
        assert app.ok(200, "GET", path, user=USER)["id"] == made["id"]
    abi = app.ok(200, "GET", f"/contracts/{made['id']}/abi", user=USER)["abi"]
    assert abi == made["abi"] and {one["type"] for one in abi} == {"function", "event", "error"}
    coin = {"name": "Coin", "type": "erc20", "address": lab.put("Coin", "C", "C", 6, 5)}
    second = app.ok(201, "POST", "/contracts/import", coin, user=USER)
    assert lab.call(second, "totalSupply") == "5"
    listed = app.ok(200, "GET", "/contracts?limit=1", user=USER)
    assert [one["id"] for one in listed["items"]] == [second["id"]] and listed["items"][0]["abi"] is None
    rest = app.ok(200, "GET", f"/contracts?limit=1&cursor={listed['next_cursor']}", user=USER)
    assert [one["id"] for one in rest["items"]] == [made["id"]]
    assert (
        app.ok(200, "GET", "/contracts?type=erc20&chain=local", user=USER)["items"][0]["id"] == second["id"]
    )
    assert app.ok(200, "GET", "/contracts?chain=base", user=USER)["items"] == []


def test_a_contract_is_its_owners_alone(lab: Lab) -> None:
    app, made = lab.world.app, lab.take("Shapes")
    for method, path, body in (
        ("GET", f"/contracts/{made['id']}", None),
        ("GET", f"/contracts/{made['id']}/abi", None),
        ("GET", f"/contracts/by-address/local/{made['address']}", None),
        ("POST", f"/contracts/{made['id']}/call", {"method": "nothing"}),
    ):
        assert app.call(method, path, body, user="usr_other").code == "NOT_FOUND"
    assert app.ok(200, "GET", f"/contracts?user_id={USER}", user="usr_other")["items"] == []
    again = {"name": "again", "address": made["address"], "abi": []}
    answer = app.call("POST", "/contracts/import", again, user=USER)
    assert (answer.status, answer.code) == (409, "CONTRACT_EXISTS")
    assert answer.body["error"]["data"] == {"contract_id": made["id"]}
    assert app.call("POST", "/contracts/import", again, user="usr_other").status == 201


def tuple_of(depth: int) -> dict[str, Any]:
    one: dict[str, Any] = {"name": "a", "type": "uint8"}
    for _ in range(depth):
        one = {"name": "a", "type": "tuple", "components": [one]}
    return one


def function(**parameter: Any) -> list[dict[str, Any]]:
    return [{"type": "function", "name": "f", "inputs": [{"name": "a"} | parameter]}]


@pytest.mark.parametrize(
    ("abi", "code"),
    [
        ("[]", "VALIDATION_FAILED"),
        ([1], "VALIDATION_FAILED"),
        ({}, "VALIDATION_FAILED"),
        (None, "INVALID_ABI"),
        ([{}] * 2_001, "VALIDATION_FAILED"),
        ([{"type": "function"}], "INVALID_ABI"),
        ([{"type": "function", "name": "a b"}], "INVALID_ABI"),
        ([{"type": "spell", "name": "a"}], "INVALID_ABI"),
        ([{"type": "function", "name": "a", "inputs": 5}], "INVALID_ABI"),
        ([{"type": "function", "name": "a", "inputs": [5]}], "INVALID_ABI"),
        ([{"type": "function", "name": "a", "inputs": [], "stateMutability": "odd"}], "INVALID_ABI"),
        ([{"type": "function", "name": "a"}, {"type": "function", "name": "a"}], "INVALID_ABI"),
        (function(type="uint7"), "INVALID_ABI"),
        (function(type="uint"), "INVALID_ABI"),
        (function(type="fixed128x18"), "INVALID_ABI"),
        (function(type="uint8[0]"), "INVALID_ABI"),
        (function(type="uint8" + "[]" * 9), "INVALID_ABI"),
        (function(type=5), "INVALID_ABI"),
        (function(type="tuple"), "INVALID_ABI"),
        (function(type="tuple", components=[]), "INVALID_ABI"),
        ([{"type": "function", "name": "f", "inputs": [tuple_of(9)]}], "INVALID_ABI"),
        ([{"type": "function", "name": "f", "inputs": [tuple_of(200)]}], "INVALID_ABI"),
    ],
)
def test_bad_abis_are_refused(lab: Lab, abi: Any, code: str) -> None:
    body = {"name": "bad", "address": "0x" + "11" * 20, "abi": abi}
    answer = lab.world.app.call("POST", "/contracts/import", body, user=USER)
    assert (answer.status, answer.code) == (422, code), answer.text


def test_nothing_is_imported_from_where_nothing_is(lab: Lab) -> None:
    app = lab.world.app
    body = {"name": "x", "type": "erc20", "address": "0x" + "11" * 20}
    assert app.call("POST", "/contracts/import", body, user=USER).code == "NO_CODE"
    assert app.call("POST", "/contracts/import", body | {"chain": "mars"}, user=USER).code == "UNKNOWN_CHAIN"
    body["address"] = "0x4E59b44847b379578588920cA78FbF26c0B4956C"  # one capital letter too many
    assert app.call("POST", "/contracts/import", body, user=USER).code == "VALIDATION_FAILED"
    large = b'{"name": "x", "abi": [' + b"{}," * 500_000 + b"{}]}"
    assert app.call("POST", "/contracts/import", user=USER, raw=large).code == "BODY_TOO_LARGE"
    called = b'{"method": "f", "arguments": [' + b"0," * 150_000 + b"0]}"
    assert app.call("POST", "/contracts/ctr_x/call", user=USER, raw=called).code == "BODY_TOO_LARGE"
    deep = b'{"name": "x", "abi": ' + b"[" * 100_000
    assert app.call("POST", "/contracts/import", user=USER, raw=deep).code == "MALFORMED_REQUEST"


def test_an_abi_has_at_most_a_mebibyte(lab: Lab) -> None:
    app = lab.world.app

    def abi(entries: int) -> list[dict[str, Any]]:
        inputs = [{"name": "a" * 200, "type": "uint256"}] * 25
        return [{"type": "error", "name": f"E{number}", "inputs": inputs} for number in range(entries)]

    body = {"name": "large", "address": lab.put("Shapes"), "abi": abi(160)}
    made = app.ok(201, "POST", "/contracts/import", body, user=USER)
    assert len(app.ok(200, "GET", f"/contracts/{made['id']}/abi", user=USER)["abi"]) == 160
    path = f"/contracts/{made['id']}/abi"
    assert app.call("PUT", path, {"abi": abi(185)}, user=USER).code == "INVALID_ABI"
    assert app.call("PUT", path, {"abi": abi(250)}, user=USER).code == "BODY_TOO_LARGE"


def test_an_account_has_a_bounded_number_of_contracts(lab: Lab) -> None:
    logger = lab.take("Logger")
    settings = replace(resources.settings(), account_limits={"contracts": 1, "follows": 1})
    with resources.override(settings=settings):
        wish = {"name": "one more", "address": lab.take("Logger", user="usr_other")["address"], "abi": []}
        refused = lab.world.app.call("POST", "/contracts/import", wish, user=USER)
        assert (refused.status, refused.code) == (409, "TOO_MANY_CONTRACTS")
        assert refused.body["error"]["data"] == {"limit": 1}
    assert lab.world.app.ok(200, "GET", f"/contracts/{logger['id']}", user=USER)["name"] == logger["name"]


def test_large_abis_do_not_fill_the_memory(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The attack: a hundred contracts with ABIs of a megabyte, listed in several requests at once, called a hundred
    times in one request, or exported."""
    app, made = lab.world.app, [lab.take("Shapes", user="usr_large") for _ in range(3)]
    database = RecordedReads(resources.database())
    with resources.override(database=database):
        for query in ("", "?metadata=a:b"):
            app.ok(200, "PUT", f"/contracts/{made[0]['id']}", {"metadata": {"a": "b"}}, user="usr_large")
            listed = app.ok(200, "GET", f"/contracts{query}", user="usr_large")["items"]
            assert made[0]["id"] in {one["id"] for one in listed} and listed[0]["abi"] is None
        assert rows_with(database.reads, "contracts", "abi") == 0
        database.reads.clear()
        one = {"contract_id": made[0]["id"], "method": "nothing", "arguments": []}
        calls = app.call("POST", "/multicall", {"calls": [one | {"method": "sum"}] * 50}, user="usr_large")
        assert calls.code in (None, "UNKNOWN_METHOD", "VALIDATION_FAILED")
        assert rows_with(database.reads, "contracts", "abi") == 1, "each contract is read once"
        database.reads.clear()
        monkeypatch.setattr(multicall, "MAX_ABIS", 2 * len(abi.text(made[0]["abi"])))
        calls = [{"contract_id": one["id"], "method": "sum"} for one in made]
        refused = app.call("POST", "/multicall", {"calls": calls}, user="usr_large")
        assert refused.body["error"]["details"][0]["field"] == "calls", refused.text
        assert rows_with(database.reads, "contracts", "abi") == 0


def test_many_contracts_are_read_at_once(lab: Lab) -> None:
    """Each one was read in a round trip of its own: up to a hundred, one after the other."""
    app, made = lab.world.app, [lab.take("Shapes") for _ in range(3)]
    database = RecordedReads(resources.database())
    with resources.override(database=database):
        calls = [{"contract_id": one["id"], "method": "nothing"} for one in (*made, made[0])]
        results = app.ok(200, "POST", "/multicall", {"calls": calls}, user=USER)["results"]
        assert [one["success"] for one in results] == [True] * 4
        assert rows_with(database.reads, "contracts", "abi") == 3
        assert database.round_trips("contracts") == 2
    theirs = lab.take("Shapes", user="usr_other")
    for wrong in (theirs["id"], "ctr_nothing"):
        calls[2] = {"contract_id": wrong, "method": "nothing"}
        assert app.call("POST", "/multicall", {"calls": calls}, user=USER).code == "NOT_FOUND"
