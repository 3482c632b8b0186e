"""The programs of examples/ do what their README says, against the running product."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct

from emulators.client import Api, wait_for
from emulators.demo import PASSWORD
from emulators.product import Product
from tests.e2e.job import FundedAccount, Node
from tests.unit.docs.pages import ROOT, Page

EXAMPLES = ROOT / "examples"
GUIDE = Page(ROOT / "docs" / "api.md")


@pytest.fixture(scope="module")
def product(own_world: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with Product.start(tmp_path_factory.mktemp("examples")) as product:
        yield product


@pytest.fixture
def account(product: Product) -> FundedAccount:
    return FundedAccount.funded(
        Node(product.env["RPC_URL"])
    )  # other tests use the node's own accounts at the same time


def run(name: str, *arguments: str, folder: Path, **env: str) -> tuple[int, str]:
    """Run it; returns exit status and output. It runs in another folder: an example needs nothing of the repository."""
    command = [sys.executable, "-I", str(EXAMPLES / name), *arguments]
    done = subprocess.run(
        command, cwd=folder, env=os.environ | env, capture_output=True, text=True, timeout=90, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_an_order_is_placed_claimed_and_paid(
    product: Product, account: FundedAccount, tmp_path: Path
) -> None:
    status, said = run("place_and_claim.py", product.url, folder=tmp_path, PRIVATE_KEY=account.key)
    assert status == 0, said
    lines = [re.sub(r"\b([a-z]{3})_\w+", r"\1_…", line) for line in said.splitlines()]
    assert lines[:2] == ["supply sup_… of usr_… is active", "order ord_… of 0.2 ETH is open"]
    assert lines[2].startswith("claim clm_… is claimed, until 2")
    assert lines[3:] == [
        "the shopper may not claim it: OWN_ORDER",
        "claim is processed, order is completed",
    ]


@pytest.mark.emulators  # it publishes with Google's client
def test_a_pipeline_hears_what_comes_of_its_command(
    product: Product, account: FundedAccount, tmp_path: Path
) -> None:
    shopper = Api(product.url)
    with shopper.http:
        user = shopper.sign_up("pipeline@example.com", PASSWORD)["id"]
        shopper.expect(201, "POST", "/wallets/import", {"name": "till", "private_key": account.key})
        supply = shopper.expect(201, "POST", "/supplies", {"currency": "ETH", "amount": "1"})["id"]
        wait_for("the supply", lambda: shopper.get(f"/supplies/{supply}")["status"] == "active")
        status, said = run("publish_command.py", user, "0.25", folder=tmp_path)
        assert status == 0, said
        (order,) = shopper.get("/orders")["items"]

    assert said.strip() == f"order.created: {order['id']} of 0.25 ETH"
    assert run("publish_command.py", user, "5", folder=tmp_path) == (1, "refused: INSUFFICIENT_SUPPLY\n")


@pytest.mark.emulators  # it publishes with Google's client
def test_the_guides_pipeline_places_its_order_once(
    product: Product, account: FundedAccount, tmp_path: Path
) -> None:
    (block,) = [fence.text for fence in GUIDE.fences() if fence.info == ("python",)]
    shopper = Api(product.url)
    with shopper.http:
        user = shopper.sign_up("guide@example.com", PASSWORD)["id"]
        shopper.expect(201, "POST", "/wallets/import", {"name": "till", "private_key": account.key})
        supply = shopper.expect(201, "POST", "/supplies", {"currency": "ETH", "amount": "1"})["id"]
        wait_for("the supply", lambda: shopper.get(f"/supplies/{supply}")["status"] == "active")
        program = tmp_path / "pipeline.py"
        changed = block.replace("usr_…", user).replace("my-project", os.environ["GOOGLE_CLOUD_PROJECT"])
        assert changed.count(user) == 1 and "my-project" not in changed
        program.write_text(changed)
        for _ in range(2):
            subprocess.run([sys.executable, "-I", str(program)], cwd=tmp_path, timeout=90, check=True)
        wait_for("the order", lambda: shopper.get("/orders")["items"])
        (order,) = shopper.get("/orders")["items"]
        events = shopper.get("/events?types=order.created")["items"]
    assert order["amount"] == "0.25"
    assert [event["causation_id"] for event in events] == ["import-4711"]


def test_a_text_is_signed_as_wallets_do(tmp_path: Path) -> None:
    key = Account.create()
    status, said = run("sign_message.py", key.key.hex(), "a\ntext", folder=tmp_path)
    signed = json.loads(said)
    assert (status, signed["message"]) == (0, "a\ntext")
    assert (
        Account.recover_message(encode_defunct(text="a\ntext"), signature=signed["signature"]) == key.address
    )
    assert run("sign_message.py", folder=tmp_path)[0] == 2


def test_every_example_is_in_the_list_and_run_here() -> None:
    names = {path.name for path in EXAMPLES.glob("*.py")}
    listed = set(
        re.findall(r"^\| \[(\w+\.py)\]\(\1\) \|", (EXAMPLES / "README.md").read_text(), re.MULTILINE)
    )
    here = set(re.findall(r'run\("(\w+\.py)"', Path(__file__).read_text(encoding="utf-8")))
    assert names == listed == here
