"""Tokens with true and false metadata, and many reads at once."""

from __future__ import annotations

from typing import Any

import pytest

from shared.contracts.reads import MULTICALL
from tests.emulated.contracts.conftest import USER, Lab


def info(lab: Lab, address: str) -> Any:
    path = f"/contracts/token-info?chain=local&address={address}"
    return lab.world.app.call("GET", path, user=USER)


@pytest.mark.parametrize("digits", [0, 6, 77, 255])
def test_an_erc20_says_what_it_is(lab: Lab, digits: int) -> None:
    address = lab.put("Coin", "A coin", "CN", digits, 10**30)
    assert info(lab, address.lower()).body == {
        "chain": "local", "address": address, "type": "erc20", "name": "A coin", "symbol": "CN",
        "decimals": digits, "total_supply": str(10**30),
    }  # fmt: skip


def test_words_that_may_deceive_are_not_shown(lab: Lab) -> None:
    said = info(lab, lab.put("Coin", "USD\u202eC", "<b>", 6, 1)).body
    assert (said["type"], said["name"], said["symbol"]) == ("erc20", None, None)


def test_old_tokens_and_other_standards(lab: Lab) -> None:
    old = info(lab, lab.put("OldToken")).body
    assert (old["type"], old["name"], old["symbol"], old["decimals"]) == ("erc20", "Maker", "MKR", 18)
    picture = info(lab, lab.put("Picture")).body
    assert (picture["type"], picture["symbol"], picture["decimals"]) == ("erc721", "PIC", None)
    assert info(lab, lab.put("Items")).body["type"] == "erc1155"


def test_what_is_no_token_is_refused(lab: Lab) -> None:
    for address in ("0x" + "11" * 20, lab.bank, lab.put("LyingToken"), lab.put("Shapes"), lab.put("Liar")):
        answer = info(lab, address)
        assert (answer.status, answer.code) == (422, "VALIDATION_FAILED"), answer.text


@pytest.mark.parametrize("deployed", [False, True])
def test_many_reads_are_of_one_block(lab: Lab, deployed: bool) -> None:
    world = lab.world
    if deployed:
        world.control("anvil_setCode", MULTICALL, lab.code["Aggregator"].runtime)
    coin, shapes, liar = lab.put("Coin", "C", "C", 6, 5), lab.take("Shapes"), lab.take("Liar")
    body = {
        "calls": [
            {"address": coin, "type": "erc20", "method": "totalSupply"},
            {"contract_id": shapes["id"], "method": "echo(int8,bool)", "arguments": ["-1", True]},
            {"contract_id": shapes["id"], "method": "refuse", "arguments": ["9"]},
            {"contract_id": liar["id"], "method": "short"},
            {"address": "0x" + "11" * 20, "type": "erc20", "method": "symbol"},
        ]
    }
    answer = world.app.ok(200, "POST", "/multicall", body, user=USER)
    assert answer["block_number"] == world.head()
    results = answer["results"]
    assert [one["result"] for one in results] == ["5", {"small": "-1", "yes": True}, None, None, None]
    codes = [one["error"] and one["error"]["code"] for one in results]
    assert codes == [None, None, "CALL_REVERTED", "ANSWER_UNREADABLE", "ANSWER_UNREADABLE"]
    assert results[2]["error"]["data"]["revert"]["arguments"][1] == "9"
    body["calls"].append({"contract_id": liar["id"], "method": "endless"})
    late = world.app.ok(200, "POST", "/multicall", body, user=USER)["results"]
    assert [one["success"] for one in late] == [True, True, False, False, False, False]
    assert late[:2] == results[:2]


def test_bad_reads_are_refused(lab: Lab) -> None:
    coin = {"address": "0x" + "11" * 20, "type": "erc20", "method": "symbol"}
    for calls, more, code in (
        ([], {}, "VALIDATION_FAILED"),
        ([coin] * 101, {}, "VALIDATION_FAILED"),
        ([{"method": "symbol"}], {}, "VALIDATION_FAILED"),
        ([coin | {"contract_id": "ctr_x"}], {}, "VALIDATION_FAILED"),
        ([{"contract_id": "ctr_x", "method": "symbol"}], {}, "NOT_FOUND"),
        ([coin | {"method": "spell"}], {}, "UNKNOWN_METHOD"),
        ([coin | {"arguments": ["1"]}], {}, "VALIDATION_FAILED"),
        ([coin], {"block": 10**9}, "VALIDATION_FAILED"),
        ([coin], {"block": "soon"}, "VALIDATION_FAILED"),
        ([coin], {"chain": "mars"}, "UNKNOWN_CHAIN"),
    ):
        body = {"calls": calls} | more
        assert lab.world.app.call("POST", "/multicall", body, user=USER).code == code, body
