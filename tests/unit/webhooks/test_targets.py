"""Deliveries go only to the public internet: checked by the URL, by the name, and at each connection."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from shared import resources
from shared.domain.errors import InvalidValue
from shared.runtime import bounded_http
from shared.runtime.bounded_http import NoAnswer
from shared.settings import load
from shared.webhooks.targets import ForbiddenTarget, NoAddress, Resolver, checked_url, public
from tests.support.receivers import answer, receiver

LOCAL = {"GOOGLE_CLOUD_PROJECT": "p"}


def entry(address: str, port: int = 443) -> Any:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return (family, socket.SOCK_STREAM, 6, "", (address, port))


@pytest.fixture
def production() -> Iterator[None]:
    """Allow nothing on this machine."""
    with resources.override(fresh=True, settings=replace(load(LOCAL), webhook_local_targets=False)):
        yield


@pytest.fixture
def local() -> Iterator[None]:
    with resources.override(fresh=True, settings=load(LOCAL)):
        yield


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com",
        "https://hooks.example.com/path?a=b",
        "https://hooks.example.com:8443/x",
        "https://xn--bcher-kva.example/",
        "https://HOOKS.example.com/",
    ],
)
def test_urls_of_the_public_internet_are_taken(production: None, url: str) -> None:
    assert checked_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://hooks.example.com/",
            "ftp://hooks.example.com/",
            "file:///etc/passwd",
            "gopher://a.example/",
        ),
        *(
            "https://user:password@hooks.example.com/",
            "https://user@hooks.example.com/",
            "https://@a.example/",
        ),
        *(
            "https://hooks.example.com:22/",
            "https://hooks.example.com:80/",
            "https://hooks.example.com:99999/",
        ),
        *(
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0x7f.1/",
            "https://017700000001/",
        ),
        *(
            "https://127.1/",
            "https://0177.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://0/",
        ),
        *("https://169.254.169.254/computeMetadata/v1/", "https://8.8.8.8/", "https://[2606:4700::1111]/"),
        *(
            "https://localhost/",
            "https://metadata.google.internal/",
            "https://a.localhost/",
            "https://printer.local/",
        ),
        *(
            "https://hooks.example.com\\@127.0.0.1/",
            "https://hooks.example.com#@127.0.0.1/",
            "https://a.example/#x",
        ),
        *(
            "https://hooks.example.com /",
            "https://hooks.example.com/\r\nHost: x",
            "https://ho\u2044oks.example.com/",
        ),
        *(
            "https://１２７.0.0.1/",
            "https://hooks.example.com./",
            "https://",
            "https:///x",
            "//a.example",
            "nonsense",
        ),
        *("https://[::1", "https://a..example/", "https://-a.example/", "https://" + "a" * 64 + ".example/"),
        "https://hooks.example.com/" + "x" * 2_000,
    ],
)
def test_other_urls_are_refused_with_what_is_wrong(production: None, url: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        checked_url(url)
    assert refused.value.details[0]["field"] == "url"


def test_locally_loopback_is_taken_and_nothing_else_inside(local: None) -> None:
    assert checked_url("http://127.0.0.1:4000/x") == "http://127.0.0.1:4000/x"
    assert checked_url("http://localhost:4000/x")
    for url in (
        "http://169.254.169.254/",
        "http://10.0.0.1/",
        "http://[::ffff:169.254.169.254]/",
        "http://x.example/",
    ):
        with pytest.raises(InvalidValue):
            checked_url(url)


def test_a_deployment_refuses_the_setting() -> None:
    given = {"ENVIRONMENT": "prod", "GOOGLE_CLOUD_PROJECT": "p", "FINGERPRINT_KEY": "k"}
    assert not load(given).webhook_local_targets
    with pytest.raises(ValueError, match="WEBHOOK_LOCAL_TARGETS"):
        load({**given, "WEBHOOK_LOCAL_TARGETS": "on"})


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "127.8.8.8",
            "0.0.0.0",  # noqa: S104
            "0.1.2.3",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
        ),
        *(
            "169.254.169.254",
            "169.254.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "198.18.0.1",
        ),
        *(
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "192.88.99.1",
        ),
        *(
            "168.63.129.16",
            "199.36.153.8",
            "35.199.192.1",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::127.0.0.1",
        ),
        *("::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::7f00:1", "2002:7f00:1::", "2002:a9fe:a9fe::1"),
        *(
            "2001::1",
            "2001:0:4136:e378::",
            "2001:db8::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fe80::1%eth0",
        ),
        *("fec0::1", "ff02::1", "100::1", "3fff::1", "5f00::1", "nonsense", ""),
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.216.34", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450::1"]
)
def test_addresses_that_are_public(address: str) -> None:
    assert public(address)


def test_a_name_with_one_forbidden_address_is_refused(production: None) -> None:
    with pytest.raises(ForbiddenTarget):
        Resolver(lambda host, port: [entry("8.8.8.8"), entry("10.0.0.1")])("mixed.example", 443)
    with pytest.raises(NoAddress):
        Resolver(lambda host, port: [])("none.example", 443)


def test_a_name_that_is_not_resolved_in_time_holds_nobody(
    production: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    done = threading.Event()
    monkeypatch.setattr("shared.webhooks.targets.LOOKUP_SECONDS", 0.05)
    with pytest.raises(NoAddress, match="in time"):
        Resolver(lambda host, port: (done.wait(5) and []) or [])("slow.example", 443)
    done.set()


def test_a_name_that_answers_an_address_inside_is_never_called(production: None) -> None:
    """This holds for all earlier and later answers."""
    asked: list[str] = []

    with receiver(answer(200)) as inside:

        def rebinding(host: str, port: int) -> list[Any]:
            asked.append(host)
            return [entry("127.0.0.1" if len(asked) % 2 else "8.8.8.8", port)]

        pool = bounded_http.connections("http", "rebinding.example", inside.port, 1)
        with pytest.raises(NoAnswer, match="not public"):
            bounded_http.deliver(pool, "/", b"{}", {}, seconds=2, beginning=10, resolve=Resolver(rebinding))
        assert (inside.connections, asked) == (0, ["rebinding.example"])


def test_the_connection_goes_to_the_address_that_was_looked_at(local: None) -> None:
    """However often a name could be resolved: it is resolved once, and the connection uses that answer."""
    answers: list[str] = []

    def once(host: str, port: int) -> list[Any]:
        answers.append(host)
        return [entry("127.0.0.1" if len(answers) == 1 else "192.0.2.1", port)]

    with receiver(answer(200, b"here")) as wanted:
        pool = bounded_http.connections("http", "pinned.example", wanted.port, 1)
        got = bounded_http.deliver(pool, "/", b"{}", {}, seconds=2, beginning=10, resolve=Resolver(once))
        assert (got.status, got.beginning, answers) == (200, b"here", ["pinned.example"])
        assert wanted.got[0].headers["host"] == f"pinned.example:{wanted.port}"
