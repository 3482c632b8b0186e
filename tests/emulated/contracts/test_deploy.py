"""Deploy contracts and send to them, through the engine: outcomes, salts, policies, reorganisations."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.wallets.wallets import Wallet
from shared.store.tables.contracts import CONTRACTS
from shared.store.tables.transactions import TRANSACTIONS
from tests.emulated.contracts.conftest import USER, Lab
from tests.emulated.engine.test_chain_events import reorg
from tests.support.inprocess import Answer, command

SALT = "0x" + "5a" * 32


class Deployer:
    """A user with a wallet who deploys."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.app = lab, lab.world.app
        self.wallet: Wallet = lab.world.wallet(user=USER)
        self.told = 0

    def body(self, name: str, *arguments: Any, **more: Any) -> dict[str, Any]:
        made = self.lab.code[name]
        return {"name": name, "abi": made.abi, "bytecode": made.bytecode, "arguments": list(arguments)} | more

    def deploy(self, name: str, *arguments: Any, **more: Any) -> Any:
        return self.app.ok(202, "POST", "/contracts", self.body(name, *arguments, **more), user=USER)

    def tell(self) -> None:
        """Deliver the engine's announcements since the last call."""
        sent = [envelope for _, envelope in self.lab.world.published.sent]
        for envelope in sent[self.told :]:
            if envelope["type"].startswith("transaction."):
                assert self.app.push("on_deployment", envelope, topic="transaction-events").status == 204
        self.told = len(sent)

    def settled(self, contract: Any) -> Any:
        self.lab.world.settle()
        self.tell()
        return self.get(contract)

    def get(self, contract: Any) -> Any:
        return self.app.ok(200, "GET", f"/contracts/{contract['id']}", user=USER)

    def send(self, contract: Any, method: str, *arguments: Any, **more: Any) -> Answer:
        body = {"method": method, "arguments": list(arguments)} | more
        return self.app.call("POST", f"/contracts/{contract['id']}/send", body, user=USER)


@pytest.fixture
def deployer(lab: Lab) -> Deployer:
    return Deployer(lab)


def test_a_deployed_contract_is_called_and_sent_to(lab: Lab, deployer: Deployer) -> None:
    made = deployer.deploy("Coin", "Coin", "CN", "6", "1000", type="erc20")
    contract, transaction = made["contract"], made["transaction"]
    assert (contract["status"], contract["address"]) == ("deploying", None)
    assert contract["transaction_id"] == transaction["id"] and transaction["from"] == deployer.wallet.address
    assert lab.refused("INVALID_STATE", contract, "decimals")["data"] == {"status": "deploying"}
    done = deployer.settled(contract)
    assert (done["status"], done["version"]) == ("deployed", 2)
    events = [envelope for _, envelope in lab.world.published.sent if envelope["type"] == "contract.deployed"]
    assert [(one["subject"], one["data"]["address"]) for one in events] == [(done["id"], done["address"])]
    deployer.told = 0
    deployer.tell()  # every message twice
    assert deployer.get(contract)["version"] == 2
    assert lab.call(done, "balanceOf", deployer.wallet.address) == "1000"
    other = lab.world.wallet().address
    sent = deployer.send(done, "transfer", other, "7")
    assert (
        sent.status == 202
        and sent.body["to"] == done["address"]
        and sent.body["data"].startswith("0xa9059cbb")
    )
    lab.world.settle()
    assert lab.call(done, "balanceOf", other) == "7"
    refusal = deployer.send(done, "transfer", other, "5000")
    assert (refusal.status, refusal.code) == (422, "SIMULATION_FAILED")
    assert refusal.body["error"]["data"]["revert"]["name"] == "ERC20InsufficientBalance"


def test_with_a_salt_the_address_is_known_at_once(lab: Lab, deployer: Deployer) -> None:
    contract = deployer.deploy("Shapes", salt=SALT)["contract"]
    assert contract["address"] and contract["status"] == "deploying"
    done = deployer.settled(contract)
    assert (done["status"], done["address"]) == ("deployed", contract["address"])
    assert lab.call(done, "echo(uint256)", "1") == "1"
    again = deployer.app.call("POST", "/contracts", deployer.body("Shapes", salt=SALT), user=USER)
    assert (again.status, again.code) == (409, "ADDRESS_TAKEN")
    assert deployer.deploy("Shapes", salt="0x" + "00" * 32)["contract"]["address"] != done["address"]
    lab.world.settle()


def test_a_repetition_deploys_once(lab: Lab, deployer: Deployer) -> None:
    body = deployer.body("Shapes")
    first = deployer.app.call("POST", "/contracts", body, user=USER, key="once")
    second = deployer.app.call("POST", "/contracts", body, user=USER, key="once")
    assert first.text == second.text and second.headers["Idempotent-Replayed"] == "true"
    other = deployer.app.call("POST", "/contracts", body | {"name": "other"}, user=USER, key="once")
    assert other.code == "IDEMPOTENCY_KEY_REUSED"
    assert (
        deployer.app.call("POST", "/contracts", body, user=USER, key=None).code == "IDEMPOTENCY_KEY_REQUIRED"
    )
    assert len(lab.world.rows(CONTRACTS)) == len(lab.world.rows(TRANSACTIONS)) == 1
    lab.world.settle()


def test_commands_deploy_and_send(lab: Lab, deployer: Deployer) -> None:
    event = command("contract.deploy", USER, deployer.body("Shapes", wallet_id=deployer.wallet.id))
    for _ in range(2):
        assert deployer.app.push("deploy_contract", event).status == 204
    (contract,) = lab.world.rows(CONTRACTS)
    done = deployer.settled({"id": contract.id})
    event = command("contract.send", USER, {"contract_id": contract.id, "method": "set", "arguments": ["8"]})
    assert deployer.app.push("send_to_contract", event).status == 204
    lab.world.settle()
    assert lab.call(done, "stored") == "8"


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("0", "TooEarly(42)"), ("1", "no way"), ("2", "")],
)
def test_a_constructor_that_reverts_is_refused_with_its_reason(
    lab: Lab, deployer: Deployer, kind: str, reason: str
) -> None:
    answer = deployer.app.call("POST", "/contracts", deployer.body("RevertingConstructor", kind), user=USER)
    assert (answer.status, answer.code) == (422, "SIMULATION_FAILED"), answer.text
    assert reason in answer.body["error"]["data"]["revert"]["reason"]
    assert lab.world.rows(CONTRACTS) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"bytecode": "0x"}, "VALIDATION_FAILED"),
        ({"bytecode": "0xabc"}, "VALIDATION_FAILED"),
        ({"bytecode": "6000"}, "VALIDATION_FAILED"),
        ({"bytecode": "0x" + "00" * 49_153}, "VALIDATION_FAILED"),
        ({"bytecode": "0x" + "5b" * 49_150}, "DATA_TOO_LARGE"),  # with the arguments
        ({"arguments": []}, "VALIDATION_FAILED"),
        ({"arguments": ["n", "s", "256", "1"]}, "VALIDATION_FAILED"),
        ({"value": "1"}, "VALIDATION_FAILED"),
        ({"salt": "0x00"}, "VALIDATION_FAILED"),
        ({"abi": [{"type": "function"}]}, "INVALID_ABI"),
        ({"wallet_id": "wal_none"}, "NOT_FOUND"),
        ({"chain": "mars"}, "WALLET_REQUIRED"),
        ({"chain": "base"}, "WALLET_REQUIRED"),
    ],
)
def test_bad_deployments_are_refused(lab: Lab, deployer: Deployer, change: dict[str, Any], code: str) -> None:
    body = deployer.body("Coin", "Coin", "CN", "6", "1000") | change
    answer = deployer.app.call("POST", "/contracts", body, user=USER)
    assert answer.code == code and answer.status in (404, 422), answer.text
    assert lab.world.rows(CONTRACTS) == lab.world.rows(TRANSACTIONS) == []


def test_sends_are_bounded_by_policy_rights_and_abi(lab: Lab, deployer: Deployer) -> None:
    shapes = lab.take("Shapes")
    for method, arguments, value, field in (
        ("who", [], "0", "method"),
        ("set", ["1"], "5", "value"),
        ("set", ["-1"], "0", "arguments.0"),
    ):
        answer = deployer.send(shapes, method, *arguments, value=value)
        assert answer.code == "VALIDATION_FAILED"
        assert answer.body["error"]["details"][0]["field"] == field
    assert deployer.send(shapes, "nope").code == "UNKNOWN_METHOD"
    paid = deployer.send(shapes, "pay", value="5")
    assert paid.status == 202 and paid.body["value"] == "5"
    lab.world.settle()
    policy = {"allowed_contracts": ["0x" + "22" * 20]}
    deployer.app.ok(200, "PUT", f"/wallets/{deployer.wallet.id}/policy", policy, user=USER)
    assert deployer.send(shapes, "set", "1").code == "POLICY_DENIED"
    body = {"method": "set", "arguments": ["1"]}
    stranger = deployer.app.call("POST", f"/contracts/{shapes['id']}/send", body, user="usr_other")
    assert stranger.code == "NOT_FOUND"
    theirs = deployer.app.call(
        "POST", f"/contracts/{lab.take('Shapes', at=shapes['address'], user='usr_other')['id']}/send",
        body | {"wallet_id": deployer.wallet.id}, user="usr_other",
    )  # fmt: skip
    assert theirs.code == "NOT_FOUND"


def test_a_creation_that_is_cancelled_fails(lab: Lab, deployer: Deployer) -> None:
    contract = deployer.deploy("Shapes")["contract"]
    deployer.app.ok(200, "POST", f"/transactions/{contract['transaction_id']}/cancel", {}, user=USER)
    done = deployer.settled(contract)
    assert (done["status"], done["address"]) == ("failed", None)
    assert lab.refused("INVALID_STATE", done, "stored")["data"] == {"status": "failed"}


def test_a_reorganisation_takes_a_contract_back_and_gives_it_again(lab: Lab, deployer: Deployer) -> None:
    world = lab.world
    contract = deployer.deploy("Shapes")["contract"]
    world.hints()
    for _ in range(2):
        world.mine()
        world.tick()
    deployer.tell()
    assert deployer.get(contract)["status"] == "deployed"
    reorg(world, 2)
    world.tick()
    world.mine()
    world.tick()
    deployer.tell()
    gone = deployer.get(contract)
    assert (gone["status"], gone["address"]) == ("deploying", None)
    done = deployer.settled(contract)
    assert done["status"] == "deployed" and done["address"]
    kinds = [kind for kind in world.published.types if kind.startswith("contract.")]
    assert kinds == ["contract.deployed", "contract.reorged", "contract.deployed"]
