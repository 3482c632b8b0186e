"""The transaction engine compared with bare calls: dispatch, the path from HTTP accept to broadcast, signing, and the
cost of one transaction.

It also prints where the time goes, as the shares of the largest parts of a profile. The machine's own emulators and
node run beside the engine and affect every figure.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

from shared import resources
from shared.chain.rpc import RpcClient
from shared.domain.wallets.wallets import Wallet
from shared.engine import accept, broadcast, dispatch, intents
from shared.engine.intents import Sender
from shared.keys.accounts import KeySigner, address_of, sign_transaction
from shared.runtime.context import running
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit
from tests.emulated.conftest import Recorder
from tests.emulated.engine.world import ETHER, GWEI, World, as_system
from tests.support import costs
from tests.support.bench import Bench, Ready
from tests.support.replayed_commits import Steps

TRANSFERS, TURNS = 512, 4
ROUNDS = 60
TOGETHER = 200  # requests, by as many threads as an instance has
THREADS = 16  # the image's setting
SIGNING = 0.6  # ms
HINTS = 0.1  # seconds: hints that come within this time count as one
MOST_DISPATCH, GOAL_DISPATCH = 4.0, 2.0  # 0.25 and 0.5 of the node's own speed
MOST_PATH, GOAL_PATH = 1 / 0.6, 1 / 0.8
TARGET = "0x" + "be" * 20
_names = itertools.count()
_broadcast = broadcast.broadcast


def run(bench: Bench) -> None:
    url = os.environ["RPC_URL"]
    world = World(bench.app, RpcClient("control", url), bench.published)
    signing(bench)
    with resources.override(publisher=Recorder()):  # Pub/Sub's emulator would use a third of the machine
        beside_web3(bench, world, url)
        path(bench, world, url)
        dispatching(bench, world, url)


def signing(bench: Bench) -> None:
    times = []
    signer = KeySigner(os.urandom(32))  # one signer for many signatures, like in dispatch
    for nonce in range(500):
        began = time.perf_counter()
        signer.sign_transaction(_fields(nonce))
        times.append((time.perf_counter() - began) * 1e3)
    bench.compared("signing", times, [SIGNING], than="at most", unit="ms", most=1.0)


def _fields(nonce: int) -> dict[str, Any]:
    return {
        "chainId": 31337, "nonce": nonce, "to": TARGET, "value": 1, "gas": 21_000,
        "maxFeePerGas": 10 * GWEI, "maxPriorityFeePerGas": GWEI,
    }  # fmt: skip


# — dispatch: queued → broadcast


def dispatching(bench: Bench, world: World, url: str) -> None:
    """Measure in turns: the engine drains a lane's queue; one client thread, like the engine's, sends transactions
    signed before."""
    ours, recorded, bare, batched = [], [], [], []
    for turn in range(TURNS + 1):
        bare.append(_presigned(world, url, 1))
        batched.append(_presigned(world, url, 32))
        sent, done = _drained(world)
        ours.append(sent), recorded.append(done)
        if turn == 0:  # to warm up
            ours.clear(), recorded.clear(), bare.clear(), batched.clear()
    bench.median("dispatch, queued to broadcast", _rates(ours), "transactions a second")
    bench.median("dispatch, until the answers are recorded", _rates(recorded), "a second")
    bench.median("pre-signed bytes, one thread", _rates(bare), "a second")
    bench.median("the same in batches of 32", _rates(batched), "a second")
    bench.compared(
        "dispatch, of pre-signed bytes sent by one thread", _each(ours), _each(bare), than="pre-signed", unit="ms",
        most=MOST_DISPATCH, goal=GOAL_DISPATCH,
    )  # fmt: skip
    _drained(world, lambda work: costs.shares("dispatch", work))
    calls: Counter[str] = Counter()
    _drained(world, lambda work: calls.update(costs.counted(work)))
    for what, count in sorted(calls.items()):
        bench.figure(f"dispatch, {what} for each transaction", count / TRANSFERS, "")


def _rates(seconds: list[float]) -> list[float]:
    return [TRANSFERS / one for one in seconds]


def _each(seconds: list[float]) -> list[float]:
    """Milliseconds per transaction."""
    return [one * 1e3 / TRANSFERS for one in seconds]


def _presigned(world: World, url: str, together: int) -> float:
    key = os.urandom(32)
    world.control("anvil_setBalance", address_of(key), hex(100 * ETHER))
    raws = ["0x" + sign_transaction(_fields(nonce), key).raw.hex() for nonce in range(TRANSFERS)]
    client = RpcClient("bare", url)
    began = time.perf_counter()
    for start in range(0, TRANSFERS, together):
        if together == 1:
            client.call("eth_sendRawTransaction", [raws[start]])
        else:
            client.batch([("eth_sendRawTransaction", [raw]) for raw in raws[start : start + together]])
    took = time.perf_counter() - began
    client.close()
    return took


def _drained(world: World, around: Callable[[Callable[[], None]], None] | None = None) -> tuple[float, float]:
    """Seconds until a queue of transfers has reached the node, and until that is recorded; accepting them does not
    count. `around` runs the measured work."""
    wallet = world.wallet(100 * ETHER)
    sent: list[float] = []

    def noted(*given: Any) -> list[broadcast.Sent]:
        answers = _broadcast(*given)
        sent.append(time.perf_counter())
        return answers

    with running(as_system()), mock.patch.object(broadcast, "broadcast", noted):
        planned = accept.plan(intents.build(Sender.of_wallet(wallet), TARGET, value=1), gas=None)
        for _ in range(0, TRANSFERS, 32):
            commit(_accept, planned)
        lane = f"local:{wallet.address.lower()}"
        began = time.perf_counter()
        if around is None:
            dispatch.dispatch(lane)
        else:
            around(lambda: dispatch.dispatch(lane))
        took = time.perf_counter() - began
    assert int(world.control("eth_getTransactionCount", wallet.address, "pending"), 16) == TRANSFERS
    return sent[-1] - began, took


def _accept(unit: UnitOfWork, planned: accept.SendPlan) -> None:
    for _ in range(32):
        name = f"bench_{next(_names)}"
        accept.accept(unit, planned, transaction_id=unit.new_id("txn"), tenant="bench", idem_key=name)


# — from the request to the node


def path(bench: Bench, world: World, url: str) -> None:
    """Measure one transaction: the request that accepts it and the message that dispatches it, compared with the same
    bare calls."""
    wallet, other = world.wallet(100 * ETHER), world.wallet(100 * ETHER)
    for one in (wallet, other):
        _sent(bench, world, one)  # opens the lane
    steps = Steps()
    with steps.noted(), costs.exchanges() as asked:
        _sent(bench, world, wallet)
    swaps = {
        wallet.id: other.id, wallet.user_id: other.user_id, wallet.address: other.address,
        wallet.address.lower(): other.address.lower(),
    }  # fmt: skip
    bare_rpc = RpcClient("bare", url)

    def ours(_: int) -> Ready:
        return lambda: _sent(bench, world, wallet)

    def bare(_: int) -> Ready:
        calls = steps.bare(swaps)

        def together() -> None:
            for call in calls:
                call()
            for body in asked:
                _asked(bare_rpc, body)

        return together

    bench.ratio("from request to node", ours, bare, rounds=ROUNDS, most=MOST_PATH, goal=GOAL_PATH)
    bench.figure("one alone: RPC exchanges", len(asked), "")
    bench.figure("one alone: Spanner reads and commits in a row", steps.trips, "")
    costs.shares("from request to node", lambda: [_sent(bench, world, wallet) for _ in range(40)])


def _asked(client: RpcClient, body: Any) -> None:
    client.exchange(body, None)


def _sent(bench: Bench, world: World, wallet: Wallet) -> None:
    body = {"wallet_id": wallet.id, "to": TARGET, "value": "1"}
    key = {"Idempotency-Key": str(uuid.uuid4())}
    reply = bench.request("POST", "/transactions", body, user=wallet.user_id, headers=key)()
    assert reply.status == 202, reply.body
    with running(as_system()):
        dispatch.dispatch(f"local:{wallet.address.lower()}")


# — compared with a loop that stores nothing


def beside_web3(bench: Bench, world: World, url: str) -> None:
    """Measure parallel requests while their lane is drained, as in an instance, and a loop with web3.py."""
    wallet = world.wallet(100 * ETHER)
    _sent(bench, world, wallet)
    ours, loop = [], []
    for _ in range(TURNS):
        ours.append(_together(bench, wallet))
        loop.append(_looped(world, url))
    bench.median("accept to broadcast, sixteen at a time", [TOGETHER / one for one in ours], "a second")
    each = [[one * 1e3 / TOGETHER for one in times] for times in (ours, loop)]
    bench.compared("accept to broadcast, of a web3.py loop", *each, than="web3.py", unit="ms", most=1.0)


def _together(bench: Bench, wallet: Wallet) -> float:
    lane = f"local:{wallet.address.lower()}"
    over = threading.Event()

    def drain() -> None:
        with running(as_system()):
            while not over.is_set():
                dispatch.dispatch(lane)
                over.wait(HINTS)
            dispatch.dispatch(lane)

    ready = [
        bench.request(
            "POST", "/transactions", {"wallet_id": wallet.id, "to": TARGET, "value": "1"}, user=wallet.user_id,
            headers={"Idempotency-Key": str(uuid.uuid4())},
        )
        for _ in range(TOGETHER)
    ]  # fmt: skip
    began = time.perf_counter()
    drainer = threading.Thread(target=drain)
    drainer.start()
    with ThreadPoolExecutor(THREADS) as pool:
        assert {reply.status for reply in pool.map(lambda call: call(), ready)} == {202}
    over.set()
    drainer.join()
    return time.perf_counter() - began


def _looped(world: World, url: str) -> float:
    from eth_account import Account
    from web3 import HTTPProvider, Web3

    account, web3 = Account.create(), Web3(HTTPProvider(url))
    world.control("anvil_setBalance", account.address, hex(100 * ETHER))
    began = time.perf_counter()
    for _ in range(TOGETHER):
        tip = web3.eth.max_priority_fee
        base = web3.eth.get_block("latest")["baseFeePerGas"]
        fields = {
            "chainId": web3.eth.chain_id, "from": account.address, "to": Web3.to_checksum_address(TARGET),
            "value": 1, "nonce": web3.eth.get_transaction_count(account.address, "pending"),
            "maxFeePerGas": 2 * base + tip, "maxPriorityFeePerGas": tip,
        }  # fmt: skip
        fields["gas"] = web3.eth.estimate_gas(fields)
        web3.eth.send_raw_transaction(account.sign_transaction(fields).raw_transaction)
    return time.perf_counter() - began
