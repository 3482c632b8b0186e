"""Calls of contracts: every shape of values, overloads, blocks, senders, and contracts that lie."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.emulated.contracts.conftest import USER, Lab

MAX = str(2**256 - 1)


def test_values_of_every_shape_come_back_as_they_went(lab: Lab) -> None:
    shapes = lab.take("Shapes")
    shape = {"name": "ŝ✓", "points": [{"x": "-1", "y": MAX[:-2]}, {"x": "0", "y": "7"}], "tag": "0xdeadbeef"}
    signature = "echo((string,(int256,int256)[],bytes4))"
    shape["points"][0]["y"] = str(2**255 - 1)
    assert lab.call(shapes, signature, shape) == shape
    as_list = ["ŝ✓", [["-1", str(2**255 - 1)], ["0", "7"]], "0xdeadbeef"]
    assert lab.call(shapes, signature, as_list) == shape
    assert lab.call(shapes, "echo(uint256)", MAX) == MAX
    assert lab.call(shapes, "echo(int8, bool)", "-128", True) == {"small": "-128", "yes": True}
    assert lab.call(shapes, "matrix", [["1", "65535"], ["0", "2"]]) == [["1", "65535"], ["0", "2"]]
    assert lab.call(shapes, "data", "0x", "0x" + "ab" * 32) == ["0x", "0x" + "ab" * 32]
    assert lab.call(shapes, "nothing") is None
    assert lab.call(shapes, "who") == "0x" + "0" * 40


def test_a_call_may_be_of_ones_own_wallet_and_at_a_block(lab: Lab) -> None:
    wallet = lab.world.wallet(user=USER)
    shapes = lab.take("Shapes")
    assert lab.call(shapes, "who", **{"from": wallet.address}) == wallet.address
    before = lab.world.head()
    data = "0x60fe47b1" + f"{5:064x}"  # set(uint256)
    lab.world.control("eth_sendTransaction", {"from": lab.bank, "to": shapes["address"], "data": data})
    lab.world.mine()
    assert lab.call(shapes, "stored") == "5"
    assert lab.call(shapes, "stored", block=before) == "0"
    assert lab.call(shapes, "stored", block="latest") == "5"
    others = lab.world.wallet()
    error = lab.refused("VALIDATION_FAILED", shapes, "who", **{"from": others.address})
    assert error["details"][0]["field"] == "from"
    assert lab.refused("VALIDATION_FAILED", shapes, "stored", block=10**9)["details"][0]["field"] == "block"


@pytest.mark.parametrize(
    ("method", "arguments", "code", "field"),
    [
        ("echo", ["1"], "AMBIGUOUS_METHOD", None),
        ("echo(uint8)", ["1"], "UNKNOWN_METHOD", None),
        ("none", [], "UNKNOWN_METHOD", None),
        ("Drawn", [], "UNKNOWN_METHOD", None),
        ("echo(uint256)", [], "VALIDATION_FAILED", "arguments"),
        ("echo(uint256)", ["1", "2"], "VALIDATION_FAILED", "arguments"),
        ("echo(uint256)", [1], "VALIDATION_FAILED", "arguments.0"),
        ("echo(uint256)", ["-1"], "VALIDATION_FAILED", "arguments.0"),
        ("echo(uint256)", [str(2**256)], "VALIDATION_FAILED", "arguments.0"),
        ("echo(uint256)", ["0x1"], "VALIDATION_FAILED", "arguments.0"),
        ("echo(uint256)", ["9" * 5000], "VALIDATION_FAILED", "arguments.0"),
        ("echo(int8,bool)", ["128", True], "VALIDATION_FAILED", "arguments.0"),
        ("echo(int8,bool)", ["1", "true"], "VALIDATION_FAILED", "arguments.1"),
        ("matrix", [[["1"]]], "VALIDATION_FAILED", "arguments.0.0"),
        ("data", ["0x0", "0x"], "VALIDATION_FAILED", "arguments.0"),
        ("data", ["0x", "0xab"], "VALIDATION_FAILED", "arguments.1"),
        ("echo((string,(int256,int256)[],bytes4))", [{"name": "x"}], "VALIDATION_FAILED", "arguments.0"),
        (
            "echo((string,(int256,int256)[],bytes4))",
            [["\ud800", [], "0x00000000"]],
            "VALIDATION_FAILED",
            None,
        ),
    ],
)
def test_bad_calls_are_refused(
    lab: Lab, method: str, arguments: list[Any], code: str, field: str | None
) -> None:
    error = lab.refused(code, lab.take("Shapes"), method, *arguments)
    if field is not None:
        assert error["details"][0]["field"] == field


def test_reverts_say_why(lab: Lab) -> None:
    shapes = lab.take("Shapes")
    assert lab.refused("CALL_REVERTED", shapes, "fail")["data"]["revert"]["reason"] == "not today"
    revert = lab.refused("CALL_REVERTED", shapes, "refuse", "9")["data"]["revert"]
    assert (revert["name"], revert["arguments"]) == ("Refused", ["0x" + "0" * 40, "9"])
    revert = lab.refused("CALL_REVERTED", shapes, "panic", "0")["data"]["revert"]
    assert revert["reason"] == "division or modulo by zero"


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("huge", "ANSWER_TOO_LARGE"),
        ("folded", "ANSWER_TOO_LARGE"),
        ("short", "ANSWER_UNREADABLE"),
        ("empty", "ANSWER_UNREADABLE"),
        ("unreadable", "ANSWER_UNREADABLE"),
        ("beyond", "ANSWER_UNREADABLE"),
        ("notABool", "ANSWER_UNREADABLE"),
        ("endless", "CALL_REVERTED"),  # the EVM halts it, on every attempt
        ("hugeRevert", "CALL_REVERTED"),
        ("lookup", "CALL_REVERTED"),  # no URL is fetched
    ],
)
def test_contracts_that_lie_are_found_out(lab: Lab, method: str, code: str) -> None:
    started = time.monotonic()
    error = lab.refused(code, lab.take("Liar"), method)
    assert len(str(error)) < 20_000 and time.monotonic() - started < 20


def test_proxies_show_where_their_calls_go(lab: Lab) -> None:
    beacons = lab.take("Beacons")
    target = lab.call(beacons, "target")
    for getter, kind in (("proxy", "beacon"), ("plain", "eip1967"), ("clone", "minimal")):
        proxy = lab.take("Shapes", at=lab.call(beacons, getter))
        seen = lab.world.app.ok(200, "GET", f"/contracts/{proxy['id']}", user=USER)
        assert seen["proxy"] == {"kind": kind, "implementation": target}
        assert lab.call(proxy, "echo(uint256)", "3") == "3"
    seen = lab.world.app.ok(200, "GET", f"/contracts/{beacons['id']}", user=USER)
    assert seen["proxy"] is None
