"""The console in trouble, and what it protects: stuck transactions; unavailable nodes, streams and servers; ended
sign-ins; other releases; second factors, drafts of policies, calls of contracts."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from emulators import seed
from emulators.client import Api, wait_for
from emulators.product import Product
from shared import resources
from shared.store.session import Session
from shared.store.tables.sign_ins import SESSIONS, SESSIONS_BY_USER
from tests.support import console, console_access
from tests.support.authenticator import OneTimeCodes
from tests.support.browser import browser
from tests.support.console import OPERATOR, PASSWORD, WAIT, Site, Tab
from tests.support.node_door import NodeDoor, door

FRIEND = "0x00000000000000000000000000000000000000F1"
ETHER = 10**18
pytestmark = console.NEEDED


@dataclass
class Person:
    """A person with an account and a funded wallet, and their API calls beside the console."""

    email: str
    api: Api
    id: str
    wallet: Any

    def sent(self, ether: float, to: str = FRIEND) -> str:
        body = {"wallet_id": self.wallet["id"], "to": to, "value": str(int(ether * ETHER))}
        return str(self.api.expect(202, "POST", "/transactions", body)["id"])


@pytest.fixture(scope="module")
def node(own_world: Mapping[str, str], emulators: Mapping[str, str]) -> Iterator[NodeDoor]:
    with door(emulators["RPC_URL"]) as found:
        yield found


@pytest.fixture(scope="module")
def site(node: NodeDoor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("console")
    with Product.start(folder, extra={"RPC_URL": node.url}) as product, browser() as found:
        seed.operator(OPERATOR, PASSWORD)
        yield Site(f"http://localhost:{product.port}", found, product)


@pytest.fixture(scope="module")
def person(site: Site) -> Iterator[Person]:
    api, email = Api(site.url), f"{uuid.uuid4().hex}@example.com"
    user = api.sign_up(email, PASSWORD)
    wallet = api.expect(201, "POST", "/wallets", {"name": "Main", "type": "hd", "chain": "local"})["wallet"]
    api.expect(200, "POST", "/sandbox/faucet", {"address": wallet["address"], "currency": "ETH"})
    yield Person(email, api, user["id"], wallet)
    api.http.close()


@pytest.fixture(autouse=True)
def closed(site: Site) -> Iterator[None]:
    yield
    for context in site.browser.contexts:
        context.close()


def test_a_stuck_transaction_is_sped_up_and_cancelled(site: Site, node: NodeDoor, person: Person) -> None:
    with node.stuck() as kept:
        sent = person.sent(1)
        wait_for("the node to keep it", lambda: kept or None)
        tab = site.signed_in(person.email, f"transactions/{sent}")
        tab.page.locator(".timeline .now", has_text="Waits for a block").wait_for()
        tab.button("Speed it up").click()
        tab.confirm()
        tab.page.locator(".timeline", has_text="Sent again, offering more").wait_for()
        tab.button("Cancel it").click()
        tab.confirm()
        tab.page.locator(".timeline", has_text="Replaced by an empty one").wait_for()
        tab.page.locator(".facts .status", has_text="submitted").wait_for()
    tab.page.locator(".facts .status", has_text="cancelled").wait_for()
    tab.button("Cancel it").wait_for(state="detached")
    tab.blameless()


def test_a_node_that_is_away_is_shown_and_back_again(site: Site, node: NodeDoor) -> None:
    tab = site.operator("overview")
    tab.page.get_by_text("1 of 1 answer").wait_for()
    with node.outage():
        tab.page.get_by_text("1 node not answering").wait_for()
        tab.page.get_by_text("0 of 1 answer").wait_for()
        tab.page.get_by_role("link", name="1 node not answering").click()
        tab.page.locator("tbody .status", has_text=re.compile("unavailable|resting")).first.wait_for()
    tab.page.locator("tbody .status", has_text="ok").first.wait_for()
    tab.go("overview")
    tab.page.get_by_text("1 of 1 answer").wait_for()
    tab.page.get_by_text("not answering").wait_for(state="detached")
    tab.blameless()


def test_operators_see_at_once_what_others_do(site: Site, person: Person) -> None:
    """Changes arrive over the operators' stream: the test disables the page's own polls."""
    tab = site.tab()
    tab.page.add_init_script(
        "const later = setInterval; window.setInterval = (work, time) => later(work, time * 1000);"
    )
    tab.page.reload()
    tab.sign_in(OPERATOR)
    tab.go(f"transactions?user_id={person.id}")
    tab.page.locator(".live.on").wait_for()
    sent = person.sent(0.01)
    row = tab.page.locator("tbody tr", has=tab.page.locator(f"a[href='#/transactions/{sent}']"))
    row.first.wait_for()
    row.locator(".status", has_text="confirmed").wait_for()
    tab.blameless()


def test_a_broken_stream_and_a_server_away_are_said_and_got_over(site: Site, person: Person) -> None:
    tab = site.signed_in(person.email, "transactions")
    tab.page.locator(".live.on").wait_for()
    before = tab.page.locator("tbody tr").count()
    site.product.kill_gateway()
    tab.page.locator(".live.again").wait_for()
    tab.page.evaluate("location.hash = '#/wallets'")
    tab.page.locator(".trouble, .failure").first.wait_for()
    site.product.start_gateway()
    tab.page.locator(".live.on").wait_for(timeout=2 * WAIT)  # after a long absence it asks every half minute
    tab.go("transactions")
    person.sent(0.01)
    tab.page.wait_for_function("before => document.querySelectorAll('tbody tr').length > before", arg=before)
    tab.page.locator(".trouble").wait_for(state="detached")


def test_two_tabs_that_refresh_at_once_stay_signed_in(site: Site, person: Person) -> None:
    first = site.signed_in(person.email)
    second = Tab(first.page.context.new_page(), site.url)
    second.page.goto(f"{site.url}/console")
    second.page.locator("nav.places").wait_for()
    answers: list[int] = []
    for tab in (first, second):
        tab.page.on(
            "response", lambda one: answers.append(one.status) if one.url.endswith("/refresh") else None
        )
    for turn in (2, 4, 6):
        for tab in (first, second):
            tab.page.evaluate("setTimeout(() => location.reload(), 50)")
        wait_for("both to be renewed", partial(_seen, first, answers, turn))
        assert answers == [200] * turn
        for tab in (first, second):
            tab.page.locator("nav.places").wait_for()


def _seen(tab: Tab, answers: list[int], count: int) -> bool | None:
    tab.page.wait_for_timeout(20)  # the browser's messages are handled meanwhile
    return len(answers) >= count or None


def test_a_token_is_renewed_in_time_and_an_ended_sign_in_is_said(site: Site, person: Person) -> None:
    tab = site.tab()
    tab.page.clock.install()
    tab.page.reload()
    tab.sign_in(person.email)
    with tab.page.expect_response("**/console/session/refresh") as renewed:
        tab.page.clock.fast_forward("15:30")
        tab.go("supplies")
    assert renewed.value.status == 200
    browsers = [one for one in sign_ins_of(person.id) if "Chrome" in (one.user_agent or "")]
    current = max(browsers, key=lambda one: one.created_at)
    person.api.expect(204, "DELETE", f"/auth/sessions/{current.id}")
    tab.page.clock.fast_forward("15:30")
    tab.page.evaluate("location.hash = '#/orders'")
    tab.page.get_by_text("Your sign-in has ended").wait_for()
    tab.sign_in(person.email)
    tab.page.get_by_role("heading", name="Orders", exact=True).wait_for()


def sign_ins_of(user_id: str) -> list[Any]:
    session = Session(resources.database().snapshot())
    rows = session.follow(SESSIONS, session.one(SESSIONS_BY_USER.scan(user_id)))
    return [row for row in rows if row.is_valid(resources.clock().now(), None)]


def test_answers_of_other_releases_are_survived(site: Site) -> None:
    """A newer release sends more fields and unknown states; an older one lacks new fields, or the route."""
    tab = site.operator()

    def changed(route: Any) -> None:
        body = route.fetch().json()
        for name in ("claims_by_hour", "fees_by_hour", "fees_complete", "region"):
            body.pop(name)
        body["orders"].append({**body["orders"][0], "status": "teleported", "count": 7, "more_of_it": True})
        route.fulfill(json=body)

    tab.page.route("**/api/v1/admin/overview", changed)
    tab.page.route("**/api/v1/admin/events/stream", lambda route: route.fulfill(status=404, json={}))
    tab.page.route("**/api/v1/admin/lanes*", lambda route: route.fulfill(json={"rows": []}))
    tab.page.reload()
    tab.go("overview")
    tab.page.get_by_text("teleported").first.wait_for()
    tab.page.locator(".live.again").wait_for()
    tab.page.evaluate("location.hash = '#/lanes'")
    tab.page.get_by_text("This page may be older than the API").wait_for()
    tab.go("nodes")
    tab.page.locator("tbody tr").first.wait_for()


def test_regions_are_shown_as_they_answer(site: Site, person: Person) -> None:
    tab = site.operator()
    names = iter(["europe-west1", "europe-west4", *["europe-west1"] * 100])

    def answered(route: Any) -> None:
        route.fulfill(json=route.fetch().json() | {"region": next(names)})

    tab.go("nodes")
    assert tab.page.locator(".regions").count() == 0
    tab.page.route("**/api/v1/admin/overview", answered)
    tab.go("overview")
    tab.page.locator(".regions li", has_text="europe-west1").wait_for()
    person.sent(0.01)  # operators follow its events: the page reads again
    tab.page.locator(".regions li", has_text="europe-west4").wait_for()
    tab.blameless()


def test_an_authenticator_app_is_added_signs_in_and_is_asked_for_again(site: Site) -> None:
    email = f"{uuid.uuid4().hex}@example.com"
    tab = site.tab()
    tab.register(email)
    tab.make_wallet()
    tab.go("account")
    tab.button("Add an authenticator app").click()
    tab.page.locator("dialog[open] button[type=submit]").click()
    secret = tab.page.locator("dialog[open] .secret code").inner_text()
    codes = OneTimeCodes(secret)
    tab.fill(code=codes.next())
    tab.page.locator("dialog[open] button[type=submit]").click()
    tab.page.get_by_text("Recovery codes").wait_for()
    recovery = tab.page.locator("dialog[open] .secret code div").all_inner_texts()
    tab.button("Close").click()
    tab.page.locator(".facts", has_text="asked for at each sign-in").wait_for()
    assert secret not in tab.page.content() and recovery[0] not in tab.page.content()
    tab.button("Sign out").click()
    tab.page.locator("form").wait_for()
    tab.fill(email=email, password=PASSWORD)
    tab.page.locator("form button[type=submit]").click()
    tab.page.get_by_role("heading", name="Second step").wait_for()
    right = codes.next()
    tab.fill(code="000000" if right != "000000" else "111111")
    tab.page.locator("form button[type=submit]").click()
    tab.page.locator(".failure").wait_for()
    tab.fill(code=right)
    tab.page.locator("form button[type=submit]").click()
    tab.page.locator("nav.places").wait_for()
    _later(tab)
    _asked_again(tab, recovery[0])
    tab.go("account")
    tab.button("Remove the authenticator app").click()
    tab.confirm()
    tab.page.locator(".facts", has_text="not added").wait_for()
    tab.button("Add an authenticator app").wait_for()
    tab.blameless()


def _later(tab: Tab) -> None:
    """Act as if the person had proved the second factor ten minutes ago."""
    user = tab.page.evaluate("document.querySelector('.who span').title")
    now = resources.clock().now()
    rows = sign_ins_of(str(user))
    old = [replace(one, second_factor_at=now - timedelta(minutes=10)) for one in rows]
    resources.database().write([SESSIONS.write("upsert", one) for one in old])
    tab.page.reload()
    tab.page.locator("nav.places").wait_for()


def _asked_again(tab: Tab, recovery: str) -> None:
    """Loosening a rule needs a fresh proof; the requested action continues after it."""
    tab.go("wallets")
    tab.page.locator("tbody a.title").first.click()
    tab.page.get_by_role("link", name="Change the policy").click()
    tab.fill(most="1")
    tab.button("Use this policy").click()
    tab.confirm()
    tab.page.locator(".facts", has_text="Most per transaction").wait_for()
    tab.page.get_by_role("link", name="Change the policy").click()
    tab.fill(most="2")
    tab.button("Use this policy").click()
    tab.page.locator("dialog[open] button[type=submit]").click()
    tab.page.get_by_role("heading", name="Prove that it is you").wait_for()
    tab.fill(proof=recovery)
    tab.button("Prove and go on").click()
    tab.page.get_by_text("A looser policy was asked for").wait_for()


def test_a_draft_of_a_policy_is_tried_on_what_was_sent(site: Site, person: Person) -> None:
    sent = person.sent(1.5)
    tab = site.signed_in(person.email, f"policy/{person.wallet['id']}")
    tab.fill(most="1")
    tab.button("Try this draft").click()
    tab.page.locator(".notice", has_text="it would have refused").wait_for()
    refused = tab.page.locator("tbody tr", has=tab.page.locator(f"code[title='{sent}']"))
    assert "More than one transaction may move (1)" in refused.inner_text()
    assert person.api.get(f"/wallets/{person.wallet['id']}/policy")["version"] == 0
    tab.fill(most="a lot")
    tab.button("Try this draft").click()
    tab.page.locator(".failure", has_text="limits").wait_for()
    tab.blameless()


def test_a_contract_is_imported_read_and_sent_to(site: Site, person: Person) -> None:
    (chain,) = person.api.get("/chains")["items"]
    coin = next((one for one in chain["currencies"] if one["token_address"]), None)
    if coin is None:
        pytest.skip("this run has no test coin (npm's solc is missing)")
    tab = site.signed_in(person.email, "contracts")
    tab.button("Import a contract").first.click()
    tab.page.locator("dialog[open] [name=address]").wait_for()
    tab.fill(name="Coin", address=coin["token_address"])
    tab.page.locator("dialog[open] [name=type]").select_option("erc20")
    tab.confirm()
    tab.page.locator("form[aria-label='symbol()'] button").click()
    tab.page.locator("form[aria-label='symbol()'] output", has_text=coin["symbol"]).wait_for()
    tab.button("Follow its events").click()
    tab.confirm()
    tab.page.locator(".facts", has_text="Followed blocks").wait_for()
    assert tab.axe() == []
    tab.page.emulate_media(color_scheme="dark")
    assert tab.axe("color-contrast") == []
    contract = tab.address().partition("#/")[2]
    approve = tab.page.locator("form[aria-label='approve(address,uint256)']")
    approve.locator("input").nth(0).fill(FRIEND)
    approve.locator("input").nth(1).fill("5")
    approve.locator("button[type=submit]").click()
    tab.page.locator("dialog[open] option").first.wait_for(state="attached")
    assert FRIEND in tab.page.locator("dialog[open] .says").inner_text()
    tab.confirm()
    tab.page.wait_for_url("**/console#/transactions/txn_*")
    tab.page.locator(".facts .status", has_text="confirmed").wait_for()
    tab.go(contract)
    tab.button("Stop following").click()
    tab.confirm()
    tab.button("Follow its events").wait_for()
    tab.button("Delete the contract").click()
    tab.confirm()
    tab.page.wait_for_url("**/console#/contracts")
    tab.page.locator(".empty", has_text="Import a contract").wait_for()
    tab.blameless()


def test_a_lost_password_is_replaced_by_mail(site: Site) -> None:
    console_access.password_lost_and_replaced(site)


def test_an_address_is_confirmed_by_mail(site: Site) -> None:
    console_access.address_confirmed(site)


def test_keys_are_imported_and_exported(site: Site, tmp_path: Path) -> None:
    console_access.keys_come_and_go(site, tmp_path)


def test_the_access_of_others_is_seen_and_ended(site: Site) -> None:
    api = Api(site.url)
    user = api.sign_up(f"{uuid.uuid4().hex}@example.com", PASSWORD)
    console_access.access_seen_and_ended(site, api, user["id"])
    api.http.close()


def test_a_wrong_password_or_code_does_not_sign_out(site: Site) -> None:
    tab = site.tab()
    tab.register(f"{uuid.uuid4().hex}@example.com")
    tab.go("account")
    tab.button("Change the password").click()
    tab.fill(current="not this one", new="a quite different passphrase")
    tab.page.locator("dialog[open] button[type=submit]").click()
    tab.page.locator("dialog[open] .failure", has_text="wrong").wait_for()
    tab.fill(current=PASSWORD)
    tab.confirm()
    tab.page.locator("nav.places").wait_for()
    tab.blameless()
