"""`make run` keeps store, chain and keys together over Ctrl-C and SIGKILL, or starts without them; it leaves nothing
behind."""

from __future__ import annotations

import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from emulators import ports, process
from emulators.client import Api, wait_for
from emulators.toolkit import ROOT
from shared.store.session import Session
from tests.e2e.job import FundedAccount, Job, Node
from tests.e2e.settled import books_balance, paid_once
from tests.support.product_run import ProductRun, clean
from tests.support.stores import opened

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere no kernel ends the children of a killed parent"
)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[ProductRun]:
    made = ProductRun.at(tmp_path / "run")
    yield made
    if made.process is not None:
        made.process.kill()
        made.process.wait()


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=20.0) as client:
        yield client


def test_what_was_there_is_there_after_a_kill_and_after_ctrl_c(run: ProductRun) -> None:
    printed = run.start()
    assert f"is kept in {run.data}" in printed and "10000 ETH" in printed
    node = Node(run.env["RPC_URL"])
    job = Job(run.url, FundedAccount.funded(node))
    with job.http, ThreadPoolExecutor(1) as worker:
        job.prepare()
        running = worker.submit(job.run)
        wait_for("the payout in a block", lambda: node.count(job.account.address), 30.0, 0.02)
        run.end(signal.SIGKILL)  # mined, but not final and perhaps not in the file yet
        wait_for("the end of every process", lambda: not run.processes())
        assert not list(run.folder.glob("product/*-files"))
        run.start()
        node = Node(run.env["RPC_URL"])
        node.ask("anvil_mine", "0x4")
        running.result(60)
        rows = Session(opened(run.env).snapshot())
        paid_once(job, node, rows)
        books_balance(rows)
        held = node.balance(job.recipient)

        assert run.end(signal.SIGINT) == 128 + signal.SIGINT
        assert not run.processes()
        assert sorted(path.name for path in run.folder.glob("product/*-files")) == []
        assert run.command("env").returncode == 1
        run.start()
        node = Node(run.env["RPC_URL"])
        assert node.balance(job.recipient) == held
        rows = Session(opened(run.env).snapshot())
        paid_once(job, node, rows)
        books_balance(rows)
        more = {"currency": "ETH", "amount": "2", "wallet_id": job.wallet}
        job.shopper.expect(201, "POST", "/supplies", more)


def test_other_commands_see_the_same_store_keys_and_mails(run: ProductRun, http: httpx.Client) -> None:
    """An operator's command and a separate function start with the output of `python -m emulators env`."""
    run.start()
    token = run.command("token", "somebody@example.com").stdout.strip()
    lines = [shlex.split(line)[1] for line in run.command("env").stdout.splitlines()]
    env = clean() | dict(line.split("=", 1) for line in lines)
    (mail,) = (run.data / "state" / "mail").iterdir()
    assert "somebody@example.com" in mail.read_text()

    command = [sys.executable, "-m", "shared.ops.appoint_admin", "somebody@example.com"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    home = run.folder / "home"
    home.mkdir()
    with ports.reserve() as (port, lock):
        served = env | {"FUNCTION_TARGET": "get_me", "PORT": str(port), "HOME": str(home)}
        alone = [
            sys.executable,
            "-m",
            "functions_framework",
            "--source",
            "functions/main.py",
            "--host",
            "127.0.0.1",
        ]
        function = process.spawn("alone", alone, run.folder / "alone.log", env=served, keep=[lock], cwd=ROOT)
    try:
        url = f"http://127.0.0.1:{port}/api/v1/auth/me"
        asked = {"Authorization": f"Bearer {token}"}
        answer = wait_for("the function", lambda: _answer(http, url, asked), 30.0)
        assert answer.json()["roles"] == ["admin", "operator", "user"], answer.text
    finally:
        process.stop([function])
    assert list(home.iterdir()) == []  # gunicorn would make the socket of its console there


def test_a_demo_that_is_killed_leaves_no_process_and_no_folder(run: ProductRun) -> None:
    run.folder.mkdir()
    command = [sys.executable, "-m", "emulators", "--dir", str(run.folder), "demo"]
    env = clean() | {"STORE": "embedded"}
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout
        for line in demo.stdout:
            if "registered a shopper" in line:
                break
        assert len(run.processes()) > 3 and len(list(run.folder.iterdir())) == 1
        demo.kill()
    wait_for("the end of every process", lambda: not run.processes())
    assert list(run.folder.iterdir()) == []


def _answer(http: httpx.Client, url: str, headers: dict[str, str]) -> httpx.Response | None:
    try:
        return http.get(url, headers=headers)
    except httpx.TransportError:
        return None


def test_what_does_not_fit_together_is_refused_with_a_sentence(run: ProductRun, http: httpx.Client) -> None:
    run.start()
    node = Node(run.env["RPC_URL"])
    account = FundedAccount.funded(node)
    shopper = Api(run.url, http=http)
    shopper.sign_up("shopper@example.com", "correct horse battery staple")
    made = shopper.expect(201, "POST", "/wallets/import", {"name": "till", "private_key": account.key})
    shutil.copy(run.data / "chain.json", run.folder / "early.json")
    body = {"wallet_id": made["wallet"]["id"], "to": "0x" + "5a" * 20, "value": "1000"}
    sent = shopper.expect(202, "POST", "/transactions", body)
    wait_for("the transfer", lambda: node.count(account.address))
    node.ask("anvil_mine", "0x4")
    wait_for("its finality", lambda: shopper.get(f"/transactions/{sent['id']}")["finalized"])
    run.end(signal.SIGINT)

    shutil.copy(run.folder / "early.json", run.data / "chain.json")
    with pytest.raises(AssertionError, match="The chain was not kept up to block") as refused:
        run.start()
    text = str(refused.value)
    assert "`make run FRESH=1` starts without the old data." in text and "Traceback" not in text
    assert run.process is not None and run.process.wait(30) == 1
    assert not run.processes()
    (run.data / "store.sqlite").write_bytes(b"no database, " * 1000)
    with pytest.raises(AssertionError, match="The kept store cannot be used") as refused:
        run.start()
    assert "Traceback" not in str(refused.value)
    run.start("--fresh")
    answer = shopper.call(
        "POST",
        "/auth/login",
        {"email": "shopper@example.com", "password": "correct horse battery staple"},
    )
    assert answer.status_code == 401
    assert Node(run.env["RPC_URL"]).balance(account.address) == 0
