"""Both client libraries, packed and installed, against the running product: their READMEs, and the demo's whole job.

Chromium runs the TypeScript client from a page of another origin.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from emulators.client import Api, wait_for
from emulators.demo import ITEMS, PASSWORD
from emulators.product import Product
from tests.e2e.job import PAYOUT, FundedAccount, Node
from tests.support import browser
from tests.support.origins import origin
from tests.support.packed_clients import NODE, PYTHON, Environment, NodeProject, changed, readme, run
from tests.support.scripted_server import Answer, serving
from tests.unit.docs.pages import ROOT

HERE = Path(__file__).parent / "clients"
CLAIMERS = 10


@pytest.fixture(scope="module")
def product(own_world: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with Product.start(tmp_path_factory.mktemp("clients")) as product:
        yield product


@pytest.fixture
def python(clients: tuple[Environment, NodeProject]) -> Environment:
    return clients[0]


@pytest.fixture
def node(clients: tuple[Environment, NodeProject]) -> NodeProject:
    return clients[1]


@pytest.fixture
def account(product: Product) -> FundedAccount:
    return FundedAccount.funded(Node(product.env["RPC_URL"]))


def job(product: Product, account: FundedAccount) -> dict[str, str]:
    """The input of the programs in tests/e2e/clients."""
    return {
        "WALLET_URL": product.url,
        "WALLET_KEY": account.key,
        "CLAIMERS": str(CLAIMERS),
        "ITEMS": json.dumps(ITEMS),
    }


def checked(said: str, product: Product) -> None:
    """Check that the job is done, and that the chain agrees."""
    done = json.loads(said.splitlines()[-1])
    assert done["order"] == "completed" and done["claim"] == "processed"
    assert (done["winners"], done["conflicts"]) == (1, CLAIMERS - 1)
    assert done["supply"] == {"available": "0.95", "reserved": "0", "settled": "1.05"}
    assert done["transaction"] == "confirmed"
    assert Node(product.env["RPC_URL"]).balance(done["recipient"]) == PAYOUT
    wanted = ["order.created", "order.claimed", "claim.processing", "claim.processed", "order.completed"]
    assert [kind for kind in done["events"] if kind in wanted and kind != "order.updated"] == wanted


def test_the_python_readme_runs_as_shown(
    product: Product, python: Environment, account: FundedAccount
) -> None:
    program = readme(PYTHON / "README.md", "python", URL=product.url, DEVELOPMENT_KEY=account.key)
    said = python.run(program)
    for line in ("ord_", "missing: 8999.7", "completed", "paid: 0.2"):
        assert line in said, said


def test_the_python_readme_fits_the_types(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(readme(PYTHON / "README.md", "python"), encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", str(tmp_path / "program.py")]
    run(command, cwd=PYTHON / "src", MYPY_CACHE_DIR=str(ROOT / ".mypy_cache" / "readme"))


def test_the_typescript_readme_runs_as_shown(
    product: Product, node: NodeProject, account: FundedAccount
) -> None:
    program = node.program("readme")
    text = program.read_text(encoding="utf-8")
    changes = {"baseUrl": product.url, "developmentKey": account.key}
    program.write_text(changed(text, "README.md", **changes), encoding="utf-8")
    said = node.run("readme")
    for line in ("ord_", "missing: 8999.7", "completed", "paid: 0.2", "400"):
        assert line in said, said


def test_both_examples_do_what_they_say(product: Product, python: Environment, node: NodeProject) -> None:
    shop = (EXAMPLES / "shop.py").read_text(encoding="utf-8")
    for runs, program, true in ((python.run, shop, "True"), (node.run, "shop", "true")):
        account = FundedAccount.funded(Node(product.env["RPC_URL"]))
        said = runs(program, WALLET_URL=product.url, PRIVATE_KEY=account.key)
        assert said.splitlines() == [
            f"found by its metadata: {true}",
            "the shop may not claim it: OWN_ORDER",
            "event: order.completed",
            "paid: paid",
        ]


# A shell starts its background jobs so that they, and all that they start, ignore Ctrl-C.
HEEDS_CTRL_C = (
    "import os, signal as s, sys; s.signal(s.SIGINT, s.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
)
EXAMPLES = ROOT / "examples" / "clients"


@pytest.mark.parametrize("name", ["webhooks.py", "webhooks.ts"])
def test_the_receiver_of_webhooks_hears_the_test_event(
    product: Product, python: Environment, node: NodeProject, name: str
) -> None:
    """It also removes its endpoint at the end."""
    if name == "webhooks.py":
        command = [str(python.python), "-I", str(EXAMPLES / name)]
    else:
        command = [NODE, str(node.program("webhooks"))]
    api = Api(product.url)
    with api.http:
        api.sign_up(f"hooks-{secrets.token_hex(6)}@example.com", PASSWORD)
        scopes = ["webhook:read", "webhook:write", "event:read"]
        key = api.expect(201, "POST", "/auth/api-keys", {"name": "hooks", "scopes": scopes})["api_key"]
        with subprocess.Popen(
            [sys.executable, "-c", HEEDS_CTRL_C, *command],
            env=os.environ | {"WALLET_URL": product.url, "WALLET_API_KEY": key},
            stdout=subprocess.PIPE,
            text=True,
        ) as program:
            assert program.stdout
            try:
                lines = iter(program.stdout.readline, "")  # among others, that the endpoint was added
                assert any(line.startswith("receiving at http://127.0.0.1:") for line in lines)
                assert any(line.startswith("webhook.test whk_") for line in lines)
                program.send_signal(signal.SIGINT)
                assert program.communicate(timeout=20)[0].endswith("stopped\n") and program.returncode == 0
            finally:
                program.kill()
        assert api.get("/webhooks")["items"] == []


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_python_does_the_demos_whole_job(
    product: Product, python: Environment, account: FundedAccount, kind: str
) -> None:
    said = python.run((HERE / f"job_{kind}.py").read_text(encoding="utf-8"), **job(product, account))
    checked(said, product)


def test_nothing_of_the_server_is_needed(python: Environment) -> None:
    code = "import sys, web3_wallet_client; print(sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = python.run(code)
    for name in ("shared", "schemas", "functions", "pydantic", "google", "flask"):
        assert f"'{name}'" not in loaded
    assert "'httpx'" in loaded


def test_node_does_the_demos_whole_job(product: Product, node: NodeProject, account: FundedAccount) -> None:
    said = node.run("job", **job(product, account))
    checked(said, product)


def test_what_the_product_delivers_is_genuine(
    product: Product, python: Environment, node: NodeProject
) -> None:
    """The product sends a delivery to a server of this test. Both clients verify it, and refuse it after a change."""
    api = Api(product.url)
    with serving() as receiver, api.http:
        receiver.play(Answer(204))
        api.sign_up(f"hooks-{secrets.token_hex(6)}@example.com", PASSWORD)
        body = {"url": f"{receiver.url}/hooks", "event_types": ["order.*"]}
        endpoint = api.expect(201, "POST", "/webhooks", body)
        api.expect(202, "POST", f"/webhooks/{endpoint['id']}/test")
        (request,) = wait_for("the delivery", lambda: receiver.requests)
    call = {"call": "verify", "url": product.url, "body": request.body.decode(), "headers": request.headers}
    call |= {"secrets": [endpoint["secret"]], "now": int(request.headers["webhook-timestamp"])}
    lines = "".join(json.dumps(call | more) + "\n" for more in ({}, {"body": call["body"] + " "}))
    javascript = str(node.program("calls"))
    for command in ([str(python.python), "-I", str(HERE / "calls_sync.py")], [NODE, javascript]):
        done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=60, check=True)
        assert [json.loads(line) for line in done.stdout.splitlines()] == [
            {"answer": "webhook.test"},
            {"error": "WebhookError"},
        ]


@pytest.fixture
def page(node: NodeProject) -> Iterator[str]:
    """Serve the project on its own origin, like a bundler's development server."""
    handler = partial(_Quiet, directory=str(node.folder))
    with origin(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as url:
        yield url


class _Quiet(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".mjs": "text/javascript"}

    def log_message(self, *args: Any) -> None: ...


@browser.needed
def test_a_page_of_another_origin_does_the_whole_job(
    product: Product, node: NodeProject, page: str, account: FundedAccount
) -> None:
    imports = {
        "web3-wallet-client": "/node_modules/web3-wallet-client/dist/index.js",
        "openapi-fetch": "/node_modules/openapi-fetch/dist/index.mjs",
    }
    (node.folder / "index.html").write_text(
        f"""<!doctype html><script>globalThis.process = {{ env: {json.dumps(job(product, account))} }};</script>
        <script type="importmap">{json.dumps({"imports": imports})}</script>
        <script type="module" src="/job.js"></script>"""
    )
    with browser.browser() as found:
        tab = found.new_page()
        wrong: list[str] = []
        said: list[str] = []
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        tab.on("console", lambda message: said.append(message.text))
        with tab.expect_console_message(lambda message: message.text.startswith('{"order"'), timeout=60_000):
            tab.goto(f"{page}/index.html")
    assert wrong == []
    checked(next(text for text in said if text.startswith('{"order"')), product)
