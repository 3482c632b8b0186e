"""Deploy ten hostile contracts through the API: each gets a clear answer in limited time, and the index continues
(solidity/Adversaries.sol)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from shared.chain.registry import Token
from shared.contracts.reads import MULTICALL
from shared.store.tables.transactions import TRANSACTIONS
from tests.emulated.contracts.conftest import USER, Lab
from tests.emulated.contracts.index_world import Indexed
from tests.emulated.contracts.test_deploy import Deployer
from tests.support.inprocess import Answer

FRIEND = "0x" + "f1" * 20
LONGEST = 20.0  # seconds for one answer or pass on a busy machine; WIDEST limits the characters of an answer
WIDEST = 200_000


@pytest.fixture
def hostile(lab: Lab) -> Iterator[Hostile]:
    """At the end a sound contract logs an event, which the index must still store."""
    made = Hostile(lab)
    yield made
    made.still_lives()


class Hostile(Indexed):
    """Deploys through the API, follows the contracts, and limits every answer."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.deployer = Deployer(lab)
        self.wallet = self.deployer.wallet
        self.sound = lab.take("Logger")
        self.follow(self.sound)
        self.passes(2)

    def put(self, name: str, *arguments: Any, also: str | None = None) -> Any:
        """Deploy a contract through the API, with its own ABI and, if `also` is set, another contract's."""
        code = self.lab.code
        more = [one for one in code[also].abi if one["type"] != "constructor"] if also else []
        abi = [*code[name].abi, *more]
        made = self.deployer.settled(self.deployer.deploy(name, *arguments, abi=abi)["contract"])
        assert made["status"] == "deployed", made
        self.follow(made)
        self.passes(2)
        return made

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """Return an answer; it must be within the limits and no server error."""
        began = time.monotonic()
        answer = self.lab.world.app.call(method, path, body, user=USER)
        assert time.monotonic() - began < LONGEST and len(answer.text) < WIDEST, (path, len(answer.text))
        assert answer.status < 500, answer.text
        return answer

    def call(self, contract: Any, method: str, *arguments: Any) -> Answer:
        body = {"method": method, "arguments": list(arguments)}
        return self.ask("POST", f"/contracts/{contract['id']}/call", body)

    def code(self, contract: Any, method: str, *arguments: Any) -> str | None:
        return self.call(contract, method, *arguments).code

    def token_sent(self, address: str, amount: str = "1") -> Answer:
        token = {"address": address, "amount": amount}
        return self.ask("POST", "/transactions", {"wallet_id": self.wallet.id, "to": FRIEND, "token": token})

    def still_lives(self) -> None:
        before = len(self.events(self.sound))
        self.send(self.sound, "note", 77, "still here")
        self.lab.world.mine()
        self.passes(2)
        assert len(self.events(self.sound)) == before + 1
        state = self.state(self.sound)["index"]
        assert (state["fault"], state["indexed_to"]) == (None, self.lab.world.head())

    def passes(self, times: int = 1) -> None:
        began = time.monotonic()
        super().passes(times)
        assert time.monotonic() - began < LONGEST * times


def test_creations_that_fail_are_refused_and_take_nothing(hostile: Hostile) -> None:
    deployer = hostile.deployer
    answers = [hostile.ask("POST", "/contracts", deployer.body("Creation", str(kind))) for kind in range(9)]
    assert {answer.status for answer in answers} == {422}
    assert [answer.code for answer in answers] == [
        *["SIMULATION_FAILED"] * 3, "VALIDATION_FAILED", *["SIMULATION_FAILED"] * 3, "NO_CODE", "NO_CODE",
    ]  # fmt: skip
    assert "TooEarly(42)" in answers[0].text and "no way" in answers[1].text
    assert deployer.settled(deployer.deploy("Creation", "9")["contract"])["status"] == "deployed"
    assert len(hostile.lab.world.rows(TRANSACTIONS)) == 1


def test_errors_say_what_can_be_said_of_them(hostile: Hostile) -> None:
    refuser = hostile.put("Refuser")

    def revert(method: str, *arguments: str) -> Any:
        answer = hostile.call(refuser, method, *arguments)
        assert answer.code == "CALL_REVERTED", answer.text
        return answer.body["error"]["data"]["revert"]

    assert revert("known", "7")["reason"] == f"Known(0x{'0' * 40}, 7)"
    assert revert("wide", "100")["name"] == "Wide"
    for method, arguments in (("wide", ["400000"]), ("cut", []), ("garbled", []), ("folded", [])):
        assert revert(method, *arguments)["kind"] == "unknown", method
    assert hostile.code(refuser, "wide", "1000000") == "ANSWER_TOO_LARGE"
    for method in ("known", "wide"):
        assert hostile.deployer.send(refuser, method, "3").code in ("SIMULATION_FAILED", "VALIDATION_FAILED")


@pytest.mark.parametrize("mood", range(6))
def test_a_token_that_lies_moves_nothing_and_makes_nobody_rich(
    hostile: Hostile,
    changed: Any,
    mood: int,
) -> None:
    coin = hostile.put("LyingCoin", str(mood))
    path = f"/contracts/token-info?chain=local&address={coin['address']}"
    assert hostile.ask("GET", path).body["total_supply"] == str(2**256 - 1)
    sent = hostile.token_sent(coin["address"])
    if mood in (1, 2):  # only its word: paying a claim needs log and balance
        hostile.lab.world.settle()
        receipt = hostile.ask("GET", f"/transactions/{sent.body['id']}/receipt").body
        assert len(receipt["logs"]) == mood - 1
    else:
        assert sent.code == ("VALIDATION_FAILED" if mood == 5 else "SIMULATION_FAILED"), sent.text
    hostile.send(coin, "pretend", hostile.wallet.address)
    hostile.lab.world.mine(6)
    hostile.passes(3)
    assert hostile.events(coin, event="Transfer")
    listed = hostile.ask("GET", f"/wallets/{hostile.wallet.id}/deposits").body["items"]
    assert {one["currency"] for one in listed} <= {"ETH"}
    changed(tokens=(Token("USDT", coin["address"], 6),))
    held = hostile.ask("GET", f"/wallets/{hostile.wallet.id}/balances").body["items"]
    assert held[1]["balance"] == str(2**256 - 1)


@pytest.mark.parametrize("digits", [0, 77, 255])
def test_tokens_of_odd_decimals_move_in_base_units(
    hostile: Hostile,
    changed: Any,
    digits: int,
) -> None:
    supply = str(2**256 - 1)
    coin = hostile.put("Coin", "Odd", "ODD", str(digits), supply)
    path = f"/contracts/token-info?chain=local&address={coin['address']}"
    assert hostile.ask("GET", path).body["decimals"] == digits
    sent = hostile.token_sent(coin["address"], str(2**255))
    assert sent.status == 202, sent.text
    assert hostile.token_sent(coin["address"], supply).code == "INSUFFICIENT_BALANCE"
    hostile.lab.world.settle()
    hostile.passes(2)
    assert hostile.call(coin, "balanceOf", FRIEND).body["result"] == str(2**255)
    assert hostile.events(coin, event="Transfer")[0]["arguments"]["value"] == str(2**255)
    if digits > 28:  # no operator can register it
        with pytest.raises(ValueError, match="decimals of ODD"):
            changed(tokens=(Token("ODD", coin["address"], digits),))
        return
    changed(tokens=(Token("ODD", coin["address"], digits),))
    held = hostile.ask("GET", f"/wallets/{hostile.wallet.id}/balances").body["items"][1]
    assert (held["balance"], held["decimals"]) == (str(2**255 - 1), digits)
    assert int(held["formatted"].replace(".", "")) == 2**255 - 1


@pytest.mark.parametrize("kind", range(4))
def test_proxies_that_lead_nowhere_are_shown(hostile: Hostile, kind: int) -> None:
    proxy = hostile.put("LostProxy", str(kind), also="Coin")
    seen = hostile.ask("GET", f"/contracts/{proxy['id']}").body["proxy"]
    nobody = "0x" + "0" * 36 + "dEaD"
    shown = [("eip1967", proxy["address"]), ("eip1967", nobody), ("beacon", None), None]
    assert (seen and (seen["kind"], seen["implementation"])) == shown[kind]
    for method in ("totalSupply", "symbol"):
        assert hostile.code(proxy, method) == ("CALL_REVERTED" if kind == 0 else "ANSWER_UNREADABLE")
    path = f"/contracts/token-info?chain=local&address={proxy['address']}"
    assert hostile.ask("GET", path).code == "VALIDATION_FAILED"


def test_contracts_that_go_are_followed_to_their_end(hostile: Hostile) -> None:
    lab = hostile.lab
    doomed, undertaker = hostile.put("Doomed"), hostile.put("Undertaker")
    hostile.send(doomed, "go", 1)
    hostile.send(undertaker, "bury", 2)
    lab.world.mine()
    hostile.passes(2)
    assert [one["arguments"]["number"] for one in hostile.events(doomed)] == ["1"]
    gone = hostile.call(undertaker, "last").body["result"]
    body = {"name": "gone", "address": gone, "abi": lab.code["Doomed"].abi}
    assert hostile.ask("POST", "/contracts/import", body).code == "NO_CODE"
    hostile.send(undertaker, "keep")  # another contract at the same address
    lab.world.mine()
    again = hostile.ask("POST", "/contracts/import", body).body
    hostile.follow(again, from_block=0)
    hostile.passes(3)
    assert [one["arguments"]["number"] for one in hostile.events(again)] == ["2"]


def test_a_bomb_is_cut_and_the_rest_of_the_block_is_there(hostile: Hostile) -> None:
    bomb = hostile.put("Bomb")
    hostile.send(bomb, "burst", 1_200)
    hostile.send(bomb, "blast", 60_000)
    hostile.lab.world.mine()
    hostile.passes()
    hostile.still_lives()
    hostile.lab.world.mine(3)
    hostile.passes(2)
    page = hostile.ask("GET", f"/contracts/{bomb['id']}/events?limit=100").body
    assert len(page["items"]) == 100
    kept = hostile.events(bomb, limit=100)
    assert len(kept) == 1_000
    (told,) = [one for one in hostile.told("contract.event") if one["contract_id"] == bomb["id"]]
    assert len(told["events"]) == 50 and told["more"] == 950


@pytest.mark.parametrize("deployed", [False, True])
def test_many_huge_answers_together_are_bounded(hostile: Hostile, deployed: bool) -> None:
    if deployed:
        hostile.lab.world.control("anvil_setCode", MULTICALL, hostile.lab.code["Aggregator"].runtime)
    liar = hostile.put("Liar")
    for count in (1, 40):
        calls = [{"contract_id": liar["id"], "method": "huge"} for _ in range(count)]
        answer = hostile.ask("POST", "/multicall", {"calls": calls})
        assert answer.status == 422 or {one["success"] for one in answer.body["results"]} == {False}


def test_what_behaves_while_it_is_tried_reverts_with_its_own_reason(hostile: Hostile) -> None:
    chameleon, world = hostile.put("Chameleon"), hostile.lab.world
    sent = hostile.deployer.send(chameleon, "act")
    assert sent.status == 202, sent.text
    hostile.send(chameleon, "arm")
    world.mine()
    height = world.head()
    world.settle()
    seen = hostile.ask("GET", f"/transactions/{sent.body['id']}").body
    assert (seen["status"], seen["error"]["code"]) == ("reverted", "EXECUTION_REVERTED")
    assert seen["error"]["message"] == f"Caught({height})"
    (told,) = [one for one in hostile.told("transaction.reverted") if one["id"] == seen["id"]]
    assert told["error"]["message"] == f"Caught({height})"
    call = {"to": chameleon["address"], "data": sent.body["data"]}
    assert hostile.ask("POST", "/transactions/simulate", call).body["revert_reason"] == f"Caught({height})"
    for path in ("/transactions", "/transactions/estimate-gas"):
        refused = hostile.ask("POST", path, call)
        assert refused.code == "SIMULATION_FAILED" and f"Caught({height})" in refused.text
    stranger = hostile.lab.world.wallet()  # this user has given no ABI for it
    answer = hostile.lab.world.app.call("POST", "/transactions/simulate", call, user=stranger.user_id)
    assert "Caught" not in answer.body["revert_reason"]


def test_a_greedy_factory_gets_as_many_as_may_be(hostile: Hostile) -> None:
    factory = hostile.put("GreedyFactory")
    rule = {"event": "Made", "argument": "made", "abi": hostile.lab.code["Logger"].abi}
    hostile.follow(factory, factory=rule)
    for who in (factory["address"], "0x" + "0" * 40, hostile.wallet.address, hostile.sound["address"]):
        hostile.send(factory, "name", hostile.lab.web3.to_checksum_address(who))
    for at in range(0, 1_100, 100):
        hostile.send(factory, "flood", at, 100)
        hostile.lab.world.mine()
        hostile.passes()
    hostile.passes(5)
    assert hostile.state(factory)["factory"]["contracts"] == 1_000


def test_a_glutton_is_given_nothing(hostile: Hostile) -> None:
    glutton = hostile.put("Glutton", also="Coin")
    answer = hostile.ask("POST", "/transactions", {"to": glutton["address"], "value": "1"})
    assert answer.code in ("SIMULATION_FAILED", "VALIDATION_FAILED"), answer.text
    assert hostile.code(glutton, "symbol") == "CALL_REVERTED"
    picture = hostile.put("Picture")
    token = {"address": picture["address"], "type": "erc721", "token_id": "7"}
    answer = hostile.ask("POST", "/transactions", {"to": glutton["address"], "token": token})
    assert answer.code == "SIMULATION_FAILED" and "ERC721InvalidReceiver" in answer.text


def test_names_that_mean_something_elsewhere_are_only_names(hostile: Hostile) -> None:
    misnamed = hostile.put("Misnamed")
    assert hostile.call(misnamed, "__init__", "5").body["result"] == "5"
    assert hostile.call(misnamed, "functions").body["result"] == "1"
    assert hostile.call(misnamed, "w3", "1", "2").body["result"] == {"kwargs": "1", "fn_name": "2"}
    assert hostile.call(misnamed, "__class__").body["result"] == "2"
    assert hostile.call(misnamed, "encode_abi").body["result"] == "3"
    assert hostile.deployer.send(misnamed, "log", "9").status == 202
    hostile.lab.world.settle()
    hostile.passes(2)
    (event,) = hostile.events(misnamed, event="limit", topic1="0x" + f"{9:064x}")
    assert event["arguments"]["cursor"] == "9"
