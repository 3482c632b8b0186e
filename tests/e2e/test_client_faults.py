"""All three clients with late, odd or absent answers: one table of expected results, over real sockets."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.support.packed_clients import NODE, Environment, NodeProject
from tests.support.scripted_server import DROP, Answer, Request, Scripted, refusal, serving

HERE = Path(__file__).parent / "clients"
KINDS = ("sync", "async", "node")
ORDER = {
    "id": "ord_1", "user_id": "usr_1", "chain": "local", "currency": "ETH", "amount": "1", "items": [],
    "allocations": [], "claim_id": None, "status": "open", "note": None, "expires_at": None, "version": 1,
    "created_at": "2030-01-31T12:00:00Z", "updated_at": "2030-01-31T12:00:00Z", "metadata": {}, "added_later": 1,
}  # fmt: skip
TRANSACTION = {
    "id": "txn_1", "wallet_id": "wal_1", "user_id": "usr_1", "chain": "local", "chain_id": 31337, "status": "queued",
    "blocked_reason": None, "waiting_for": None, "from": "0x1", "to": "0x2", "value": "1", "data": "0x", "token": None,
    "nonce": 1, "hash": None, "attempts": [], "block_number": None, "block_hash": None, "confirmations": None,
    "finalized": False, "gas": 21000, "gas_used": None, "effective_gas_price": None, "contract_address": None,
    "cancel_requested": False, "claim_id": None, "deadline": None, "approval_until": None, "approved_by": None,
    "approvals": None, "error": None, "version": 1, "metadata": {}, "created_at": "2030-01-31T12:00:00Z",
    "updated_at": "2030-01-31T12:00:00Z",
}  # fmt: skip
OK = Answer(201, ORDER)
TOKENS = {"token": "new", "refresh_token": "second", "expires_at": "2030-01-31T12:00:00Z"}
BUSY = refusal(503, "UNAVAILABLE", Retry_After="0.2")


@dataclass
class Caller:
    """A client as a separate process, which gets its calls as lines."""

    process: subprocess.Popen[str]
    url: str

    def call(self, call: str, **more: Any) -> Any:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps({"call": call, "url": self.url, **more}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the client has ended"
        answer = json.loads(line)
        return answer.get("answer", answer.get("error"))


@pytest.fixture(scope="module")
def server() -> Iterator[Scripted]:
    with serving() as scripted:
        yield scripted


@pytest.fixture(scope="module")
def commands(clients: tuple[Environment, NodeProject]) -> dict[str, list[str]]:
    python, node = clients
    return {
        "sync": [str(python.python), "-I", str(HERE / "calls_sync.py")],
        "async": [str(python.python), "-I", str(HERE / "calls_async.py")],
        "node": [NODE, str(node.program("calls"))],
    }


@pytest.fixture(scope="module", params=KINDS)
def client(
    request: pytest.FixtureRequest, commands: dict[str, list[str]], server: Scripted
) -> Iterator[Caller]:
    with subprocess.Popen(
        commands[request.param], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Caller(process, server.url)
        assert process.stdin
        process.stdin.close()


def keys(server: Scripted) -> list[str | None]:
    return [one.headers.get("idempotency-key") for one in server.requests]


@pytest.mark.parametrize("lost", [DROP, BUSY, refusal(429, "RATE_LIMITED"), Answer(502, pieces=(b"<html>",))])
def test_a_post_with_a_key_is_sent_again_under_the_same_key(
    client: Caller, server: Scripted, lost: Answer
) -> None:
    server.play(lost, lost, OK)
    assert client.call("place") == "ord_1"
    assert len(server.requests) == 3 and len(set(keys(server))) == 1 and keys(server)[0]
    assert {one.body for one in server.requests} == {server.requests[0].body}


def test_each_call_has_a_key_of_its_own_unless_one_is_given(client: Caller, server: Scripted) -> None:
    server.play(OK)
    client.call("place")
    client.call("place")
    client.call("place", key="basket-1")
    first, second, given = keys(server)
    assert first != second and given == "basket-1"


@pytest.mark.parametrize("call", ["login", "update"])
def test_what_nobody_knows_the_end_of_is_not_sent_again_without_a_key(
    client: Caller, server: Scripted, call: str
) -> None:
    server.play(DROP)
    assert client.call(call) == "NoAnswer"
    assert len(server.requests) == 1


@pytest.mark.parametrize("call", ["login", "update"])
def test_what_was_refused_unseen_is_sent_again_always(client: Caller, server: Scripted, call: str) -> None:
    server.play(refusal(503, "UNAVAILABLE"), Answer(200, ORDER | TOKENS))
    assert client.call(call) in ("ord_1", "new")
    assert len(server.requests) == 2


def test_retry_after_is_obeyed(client: Caller, server: Scripted) -> None:
    server.play(BUSY, OK)
    client.call("place")
    first, second = server.requests
    assert second.at - first.at >= 0.2


def test_it_is_not_waited_beyond_the_deadline(client: Caller, server: Scripted) -> None:
    server.play(refusal(429, "RATE_LIMITED", Retry_After="60"))
    began = time.monotonic()
    assert client.call("place", timeout=30.0) == "RATE_LIMITED"
    assert time.monotonic() - began < 30.0 and len(server.requests) == 1


def test_attempts_are_counted(client: Caller, server: Scripted) -> None:
    server.play(DROP)
    assert client.call("place") == "NoAnswer"
    assert len(server.requests) == 4


def test_an_answer_that_drips_ends_at_the_deadline(client: Caller, server: Scripted) -> None:
    server.play(Answer(200, pieces=(b"{",) + (b" ",) * 100, pause=0.1))
    began = time.monotonic()
    assert client.call("get", timeout=0.7) == "NoAnswer"
    assert 0.6 < time.monotonic() - began < 8.0


def test_other_refusals_are_final(client: Caller, server: Scripted) -> None:
    server.play(refusal(409, "ORDER_ALREADY_CLAIMED"))
    assert client.call("place") == "ORDER_ALREADY_CLAIMED"
    server.play(Answer(500, pieces=(b"<html>a proxy's page",)))
    assert client.call("place") == "UNKNOWN"
    assert len(server.requests) == 1


def test_a_redirect_is_not_followed(client: Caller, server: Scripted) -> None:
    server.play(Answer(301, headers={"Location": f"{server.url}/elsewhere"}), OK)
    assert client.call("place") == "UNKNOWN"
    assert [one.method for one in server.requests] == ["POST"]


def test_a_success_that_is_no_answer_of_the_api_is_an_error_of_the_package(
    client: Caller, server: Scripted
) -> None:
    server.play(Answer(200, pieces=(b"<html>a proxy's page",)))
    assert client.call("get") == "UnreadableAnswer"
    assert client.call("place") == "UnreadableAnswer"


def test_confirmed_is_waited_for_without_finality(client: Caller, server: Scripted) -> None:
    server.play(
        *(Answer(200, TRANSACTION | {"status": status}) for status in ("submitted", "mined", "confirmed"))
    )
    assert client.call("confirmed") == "confirmed"
    assert len(server.requests) == 3
    server.play(Answer(200, TRANSACTION | {"status": "reverted"}))
    assert client.call("confirmed") == "EndedOtherwise"


def test_a_path_parameter_stays_one_segment(client: Caller, server: Scripted) -> None:
    server.play(OK)
    assert client.call("get") == "ord_1"
    assert server.requests[0].path == "/api/v1/orders/ord_1%2F..%2Fx"


def test_many_calls_refresh_once(client: Caller, server: Scripted) -> None:
    def script(request: Request) -> Answer:
        if request.path.endswith("/auth/refresh"):
            used.append(json.loads(request.body)["refresh_token"])
            assert "authorization" not in request.headers
            time.sleep(0.1)
            return Answer(200, TOKENS)
        if request.headers["authorization"] == "Bearer new":
            renewed.set()
            return OK
        if next(refused) == 4:  # the last one hears that it is expired when another one has renewed it
            assert renewed.wait(10)
        return refusal(401, "TOKEN_EXPIRED")

    used: list[str] = []
    renewed, refused = threading.Event(), count()
    server.follow(script)
    assert client.call("many", refresh="first") == [["ord_1"] * 5, ["second"]]
    assert used == ["first"]


def test_a_refresh_that_is_refused_is_the_answer(client: Caller, server: Scripted) -> None:
    def script(request: Request) -> Answer:
        refreshing = request.path.endswith("/auth/refresh")
        return refusal(401, "REFRESH_TOKEN_INVALID" if refreshing else "TOKEN_EXPIRED")

    server.follow(script)
    assert client.call("get", refresh="first") == "REFRESH_TOKEN_INVALID"
    assert len(server.requests) == 2


@pytest.mark.parametrize("client", ["node"], indirect=True)
def test_a_refresh_counts_to_the_deadline(client: Caller, server: Scripted) -> None:
    released = threading.Event()

    def script(request: Request) -> Answer:
        if request.path.endswith("/auth/refresh"):
            released.wait(10)
            return Answer(200, TOKENS)
        return refusal(401, "TOKEN_EXPIRED")

    server.follow(script)
    began = time.monotonic()
    assert client.call("get", refresh="first", within=0.7) == "NoAnswer"
    assert time.monotonic() - began < 8.0
    released.set()


@pytest.mark.parametrize("client", ["node"], indirect=True)
def test_a_wait_ends_in_time_however_slow_the_answers_are(client: Caller, server: Scripted) -> None:
    server.play(OK, Answer(200, pieces=(b"{",) + (b" ",) * 100, pause=0.1))
    began = time.monotonic()
    assert client.call("wait", within=0.7) == "WaitTimeout"
    assert 0.6 < time.monotonic() - began < 8.0


@pytest.mark.parametrize("client", ["node"], indirect=True)
def test_tokens_are_removed_though_the_sign_out_is_refused(client: Caller, server: Scripted) -> None:
    server.play(refusal(401, "TOKEN_EXPIRED"))
    assert client.call("sign_out") == "none"


@pytest.mark.parametrize("client", ["node"], indirect=True)
def test_no_id_leads_to_another_route(client: Caller, server: Scripted) -> None:
    server.play(OK)
    assert client.call("empty") == ["TypeError", "TypeError"]
    assert server.requests == []


def test_pages_follow_each_other(client: Caller, server: Scripted) -> None:
    pages = [(["a", "b"], "next/+ 1"), (["c"], None)]
    server.play(
        *(
            Answer(200, {"items": [ORDER | {"id": one} for one in ids], "next_cursor": cursor})
            for ids, cursor in pages
        )
    )
    assert client.call("list") == ["a", "b", "c"]
    assert "cursor" not in server.requests[0].path and "status=open" in server.requests[1].path
    assert (
        "cursor=next%2F%2B+1" in server.requests[1].path or "cursor=next%2F%2B%201" in server.requests[1].path
    )


def event(note: str, cursor: str) -> bytes:
    """An event as the server writes it; the note has every separator that JSON may contain unescaped."""
    data = {"id": "evt_1", "type": "order.polished", "source": "s", "subject": "ord_1", "sequence": 1,
            "time": "2030-01-31T12:00:00Z", "data": {"note": note}}  # fmt: skip
    return f"id: {cursor}\nevent: order.polished\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def test_a_stream_goes_on_behind_what_was_seen(client: Caller, server: Scripted) -> None:
    odd = "a\u2028b\u0085c"
    whole = (
        b"retry: 10\n\n"
        + event(odd, "c1")
        + b": still here\r\n\r\n"
        + event("two", "c2")
        + event("lost", "c3")
    )
    cut = tuple(whole[at : at + 7] for at in range(0, len(whole) - 9, 7))  # ends within the third event
    head = {"Content-Type": "text/event-stream"}
    server.play(
        Answer(200, headers=head, pieces=cut),
        refusal(401, "TOKEN_EXPIRED"),
        Answer(200, TOKENS),
        DROP,
        Answer(200, headers=head, pieces=(event("three", "c3"), event("four", "c4"))),
    )
    found = client.call("stream", count=4, after="c0", refresh="first")
    assert found == [[odd, "two", "three", "four"], "c4"]
    streams = [one for one in server.requests if one.method == "GET"]
    assert "types=order." in streams[0].path
    assert [one.headers["last-event-id"] for one in streams] == ["c0", "c2", "c2", "c2"]
    assert streams[-1].headers["authorization"] == "Bearer new"


def test_a_stream_that_was_connected_outlives_more_failures_than_a_call(
    client: Caller, server: Scripted
) -> None:
    head = {"Content-Type": "text/event-stream"}
    quiet = Answer(200, headers=head, pieces=(b"retry: 10\n\n",))
    down = (DROP, BUSY, Answer(502, pieces=(b"<html>",))) * 3
    server.play(quiet, *down, Answer(200, headers=head, pieces=(event("back", "c1"),)))
    assert client.call("stream", count=1, after="c0") == [["back"], "c1"]
    assert len(server.requests) == 11


def test_a_stream_that_is_refused_says_so(client: Caller, server: Scripted) -> None:
    server.play(refusal(400, "INVALID_CURSOR"))
    assert client.call("stream", count=1) == "INVALID_CURSOR"
    server.play(DROP)
    assert client.call("stream", count=1) == "NoAnswer"
    assert len(server.requests) == 4


SECRETS = [f"whsec_{base64.b64encode(bytes([number] * 32)).decode()}" for number in (1, 2)]
NOW = 1_900_000_000


def signed(body: str, secret: str, at: int = NOW) -> dict[str, str]:
    """Sign like Standard Webhooks."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"msg_1.{at}.{body}".encode(), hashlib.sha256).digest()
    return {
        "Webhook-Id": "msg_1",
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1a,AAAA v1,{base64.b64encode(digest).decode()}",
    }


BODY = json.dumps({"id": "evt_1", "type": "order.polished", "source": "s", "subject": "ord_1", "sequence": 1,
                   "time": "2030-01-31T12:00:00Z", "data": {"note": "ä"}}, ensure_ascii=False)  # fmt: skip


def test_a_webhook_is_signed_for_a_test(client: Caller) -> None:
    headers = client.call("sign", body=BODY, secrets=SECRETS, now=NOW)
    wanted = {name.lower(): text for name, text in signed(BODY, SECRETS[0]).items()}
    assert headers == wanted | {"webhook-signature": wanted["webhook-signature"].removeprefix("v1a,AAAA ")}
    assert client.call("verify", body=BODY, headers=headers, secrets=SECRETS, now=NOW) == "order.polished"


@pytest.mark.parametrize("secret", SECRETS)
def test_a_genuine_webhook_is_an_event(client: Caller, secret: str) -> None:
    headers = signed(BODY, secret, NOW - 299)
    assert client.call("verify", body=BODY, headers=headers, secrets=SECRETS, now=NOW) == "order.polished"


def test_the_vector_of_standard_webhooks(client: Caller) -> None:
    """The vector comes from the tests of the libraries in https://github.com/standard-webhooks/standard-webhooks."""
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    body, secret = (
        '{"test": 2432232314}',
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    )  # pragma: allowlist secret
    # The signature is genuine, though this is no event of ours: only after the signature the client checks
    # the body.
    found = client.call("verify", body=body, headers=headers, secrets=[secret], now=1614265330)
    assert found == "WebhookError"


@pytest.mark.parametrize(
    "change",
    [
        {"body": BODY + " "},
        {"secrets": SECRETS[1:]},
        {"secrets": []},
        {"now": NOW + 301},
        {"now": NOW - 301},
        {"headers": signed(BODY, SECRETS[0]) | {"webhook-signature": "v1,"}},
        {"headers": signed(BODY, SECRETS[0]) | {"webhook-signature": "v1,%%%"}},
        {"headers": signed(BODY, SECRETS[0]) | {"Webhook-Id": "msg_2"}},
        {"headers": signed(BODY, SECRETS[0]) | {"webhook-timestamp": f"{NOW}.5"}},
        {"headers": signed(BODY, SECRETS[0]) | {"webhook-timestamp": "nan"}},
        {"headers": {"webhook-id": "msg_1"}},
        {"body": "[]", "headers": signed("[]", SECRETS[0])},
        {"body": "{}", "headers": signed("{}", SECRETS[0])},
    ],
    ids="+".join,
)
def test_another_webhook_is_refused(client: Caller, change: dict[str, Any]) -> None:
    genuine = {"body": BODY, "headers": signed(BODY, SECRETS[0]), "secrets": SECRETS[:1], "now": NOW}
    assert client.call("verify", **(genuine | change)) == "WebhookError"
