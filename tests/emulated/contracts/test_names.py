"""ENS names from a registry on the test's own node: forward and reverse resolution, never fetched from elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from shared.contracts.names import _node
from tests.emulated.contracts.conftest import USER, Lab
from tests.emulated.contracts.index_world import Indexed

SOMEBODY = "0xF1F1F1f1f1f1f1f1F1F1F1f1f1F1F1F1F1F1F1f1".lower()


@pytest.fixture
def named(lab: Lab, changed: Any) -> Any:
    """Set a name's address, its reverse name, and whether it is stored elsewhere (off-chain)."""
    registry = lab.take("Names")
    changed(ens=registry["address"])

    def put(name: str, where: str = SOMEBODY, said: str = "", off: bool = False) -> None:
        address = lab.web3.to_checksum_address(where)
        Indexed(lab).send(registry, "set", _node(name), address, said, off)
        lab.world.mine()

    return put


def ask(lab: Lab, path: str) -> Any:
    return lab.world.app.call("GET", f"/ens/{path}", user=USER)


def test_a_name_stands_for_an_address(lab: Lab, named: Any) -> None:
    named("shop.example.eth")
    answer = ask(lab, "Shop.Example.eth")
    assert answer.status == 200 and answer.body["name"] == "shop.example.eth", answer.text
    assert answer.body["address"] == lab.web3.to_checksum_address(SOMEBODY)
    assert ask(lab, "nobody.eth").code == "NAME_UNRESOLVED"


def test_an_address_has_the_name_that_stands_for_it(lab: Lab, named: Any) -> None:
    backwards = f"{SOMEBODY[2:]}.addr.reverse"
    assert ask(lab, f"reverse/{SOMEBODY}").body["name"] is None
    named(backwards, said="shop.eth")
    assert ask(lab, f"reverse/{SOMEBODY}").body["name"] is None  # has a name that has no address
    named("shop.eth", where="0x" + "11" * 20)
    assert ask(lab, f"reverse/{SOMEBODY}").body["name"] is None
    named("shop.eth")
    assert ask(lab, f"reverse/{SOMEBODY}").body["name"] == "shop.eth"
    named(backwards, said="Shop.eth")  # not the normalised form of the name
    assert ask(lab, f"reverse/{SOMEBODY}").body["name"] is None


def test_no_name_is_fetched_from_elsewhere(lab: Lab, named: Any) -> None:
    named("off.eth", off=True)
    assert ask(lab, "off.eth").code == "NAME_UNRESOLVED"


BAD = ("eth", "a..eth", ".eth.", "a b.eth", "p\u0430ypal.eth", "a" * 256, "x\u200d.eth", "xn--a.eth", "a_b.eth",
       "\u212aelvin.eth")  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_names_are_refused(lab: Lab, named: Any, name: str) -> None:
    assert ask(lab, name).code == "VALIDATION_FAILED"


def test_a_chain_without_names_says_so_and_nobody_pays_a_name(lab: Lab) -> None:
    assert ask(lab, "shop.eth").code == "NO_NAMES"
    assert ask(lab, f"reverse/{SOMEBODY}").code == "NO_NAMES"
    wallet = lab.world.wallet()
    body = {"wallet_id": wallet.id, "to": "shop.eth", "value": "1"}
    answer = lab.world.app.call("POST", "/transactions", body, user=wallet.user_id)
    assert answer.code == "VALIDATION_FAILED"
