"""The console in a real browser on the running product: its main job by hand, by keyboard, with every way to sign in,
and its behaviour with hostile data, slow answers and ended sessions.

SCREENSHOTS=<folder> writes each page in both themes and widths (`make screenshots`)."""

from __future__ import annotations

import gzip
import os
import re
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct

from emulators import seed
from emulators.product import Product
from tests.support import console
from tests.support.browser import browser
from tests.support.console import AXE, BUNDLE, OPERATOR, PASSWORD, SIZES, Site
from tests.support.console_job import main_job
from tests.support.console_pictures import drafted, linked, pictures
from tests.support.console_things import dead_letter, furnish, in_three_pages

OPERATED = (
    *("overview", "orders", "claims", "settlements", "supplies", "transactions", "lanes", "wallets"),
    *("dead-letters", "nodes", "users", "audit", "reconciliation", "account"),
)
WORKED = ("start", "market", "approvals", "contracts", "webhooks")
PICTURES = os.environ.get("SCREENSHOTS")

pytestmark = console.NEEDED


@pytest.fixture(scope="module")
def site(own_world: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Product.start(tmp_path_factory.mktemp("console")) as product, browser() as found:
        seed.operator(OPERATOR, PASSWORD)
        made = Site(f"http://localhost:{product.port}", found, product)
        main_job(made)
        yield made


@pytest.fixture(autouse=True)
def closed(site: Site) -> Iterator[None]:
    """Close the pages: each user may open only a few streams at once."""
    yield
    for context in site.browser.contexts:
        context.close()


def test_the_bundle_is_small() -> None:
    sizes = [len(gzip.compress((BUNDLE / name).read_bytes())) for name in ("console.js", "console.css")]
    assert sum(sizes) <= 150_000


def test_every_page_is_usable_by_everybody(site: Site) -> None:
    tab = site.operator("wallets", width=390)
    details = [
        f"orders/{site.order}",
        f"claims/{site.claim}",
        *linked(tab, "wallets", "supplies", "transactions", "users"),
    ]
    details.append(details[2].replace("wallets/", "policy/"))
    wrong: dict[str, Any] = {}
    for place in (*OPERATED, *WORKED, *details):
        tab.go(place)
        if found := tab.faults():
            wrong[place] = found
    assert wrong == {}
    tab.blameless()


def test_the_way_in_is_usable_by_everybody(site: Site) -> None:
    for theme in ("light", "dark"):
        tab = site.tab(theme=theme, width=390)
        tab.page.locator("form").wait_for()
        assert tab.axe() == [] and tab.fits()


def test_hostile_names_stay_text(site: Site) -> None:
    tab = site.operator("orders")
    for place in ("orders", f"orders/{site.order}", "overview", "audit"):
        tab.go(place)
        assert tab.page.locator("main img, main script").count() == 0
    tab.go(f"orders/{site.order}")
    shown = tab.page.locator("main h1").inner_text()
    assert "<img src=x onerror" in shown and "\u202e" not in shown and "bicycle" in shown
    assert tab.page.evaluate("window.hacked") is None
    tab.blameless()


def test_everything_is_reached_by_keyboard(site: Site) -> None:
    tab = site.operator()
    press, page = tab.page.keyboard.press, tab.page
    press("?")
    page.get_by_role("dialog").get_by_text("Next and previous row").wait_for()
    press("Escape")
    page.locator("dialog").wait_for(state="detached")
    press("g")
    press("o")
    page.get_by_role("heading", name="Orders", exact=True).wait_for()
    page.locator("tbody tr").first.wait_for()
    press("j")
    press("Enter")
    page.wait_for_url("**/console#/orders/ord_*")
    press("/")
    page.keyboard.type(site.claim)
    press("Enter")
    page.locator("main .crumb", has_text="Claims").wait_for()
    press("/")
    page.keyboard.type("what is this")
    press("Enter")
    page.get_by_text("That is no id, address or transaction hash.").wait_for()
    tab.blameless()


def test_a_reload_goes_on_and_an_ended_session_says_so(site: Site) -> None:
    tab = site.operator()
    (cookie,) = tab.page.context.cookies(f"{site.url}/console/session/refresh")
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/console/session")
    tab.page.goto(f"{site.url}/console#/nodes")
    tab.page.reload()
    tab.page.get_by_role("heading", name="Nodes and chains").wait_for()
    tab.page.context.clear_cookies()
    tab.page.route(
        "**/api/v1/admin/**", lambda route: route.fulfill(status=401, json={"error": {"code": "X"}})
    )
    tab.page.get_by_text("Your sign-in has ended").wait_for()
    tab.page.unroute("**/api/v1/admin/**")
    tab.sign_in(OPERATOR)
    tab.page.get_by_role("heading", name="Nodes and chains").wait_for()


def test_a_busy_api_is_waited_for_and_an_odd_one_survived(site: Site) -> None:
    tab = site.operator()
    answers = iter([(503, {"Retry-After": "1"}), (429, {"Retry-After": "1"})])

    def busy(route: Any) -> None:
        status, headers = next(answers, (0, {}))
        if status:
            route.fulfill(
                status=status, headers=headers, json={"error": {"code": "UNREADY", "message": "busy"}}
            )
        else:
            route.continue_()

    tab.page.route("**/api/v1/admin/orders*", busy)
    tab.page.evaluate("location.hash = '#/orders'")
    tab.page.locator(".trouble").wait_for()
    tab.page.locator("tbody tr").first.wait_for()
    tab.page.route(
        "**/api/v1/admin/claims*", lambda route: route.fulfill(status=500, body="<html>a proxy</html>")
    )
    tab.page.evaluate("location.hash = '#/claims'")
    tab.page.locator(".failure").get_by_text("cannot be understood").wait_for()
    tab.page.evaluate("location.hash = '#/nowhere/at/all'")
    tab.page.get_by_text("Check the id").wait_for()


@pytest.mark.parametrize("explorer", ["https://explorer.example", "javascript:alert(1)", None])
def test_what_is_on_chain_leads_to_its_explorer(site: Site, explorer: str | None) -> None:
    def shown(route: Any) -> None:
        body = route.fetch().json()
        route.fulfill(json={"items": [one | {"explorer": explorer} for one in body["items"]]})

    tab = site.tab("transactions")
    tab.page.route("**/api/v1/chains", shown)
    tab.sign_in(site.owner)
    tab.go("transactions")
    to = tab.page.locator("tbody tr").first.locator("td[data-head=To]")
    address = str(to.locator("code").get_attribute("title"))
    leads = f"{explorer}/address/{address}" if explorer and explorer.startswith("https:") else None
    assert [one.get_attribute("href") for one in to.locator("a").all()] == ([leads] if leads else [])
    tab.blameless()


def test_who_has_no_wallet_makes_one_on_the_way(site: Site) -> None:
    tab = site.tab(width=390)
    tab.register(f"{uuid.uuid4().hex}@example.com")
    tab.go("supplies")
    tab.button("Commit a supply").first.click()
    tab.page.locator("dialog[open] .says", has_text="you have none yet").wait_for()
    tab.page.locator("dialog[open] button[type=submit]").click()
    tab.words_noted()
    tab.page.locator("dialog[open] [name=wallet_id] option", has_text="Main").wait_for(state="attached")
    tab.blameless()


def test_a_wallet_signs_in(site: Site) -> None:
    key = Account.create()

    def provider(method: str, params: list[str]) -> Any:
        if method == "eth_requestAccounts":
            return [key.address]
        text = encode_defunct(hexstr=params[0])
        return "0x" + bytes(Account.sign_message(text, key.key).signature).hex()

    tab = site.tab()
    tab.page.expose_function("provided", provider)
    tab.page.evaluate(
        "window.ethereum = {request: ({method, params}) => window.provided(method, params || [])}"
    )
    tab.button("Sign in with a wallet").click()
    tab.page.get_by_role("heading", name="From a wallet to a paid order").wait_for()
    assert key.address in tab.page.locator(".who").inner_text()
    tab.blameless()


def test_a_passkey_is_the_second_step(site: Site) -> None:
    tab = site.tab()
    email = f"{uuid.uuid4().hex}@example.com"
    tab.register(email)
    client = tab.page.context.new_cdp_session(tab.page)
    client.send("WebAuthn.enable")
    kind = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    kind |= {"isUserVerified": True, "automaticPresenceSimulation": True}
    client.send("WebAuthn.addVirtualAuthenticator", {"options": kind})
    tab.go("account")
    tab.button("Add a passkey").click()
    tab.page.locator("dialog[open] button[type=submit]").click()
    tab.page.get_by_text("Recovery codes").wait_for()
    tab.button("Close").click()
    tab.button("Sign out").click()
    tab.page.locator("form").wait_for()
    tab.fill(email=email, password=PASSWORD)
    tab.page.locator("form button[type=submit]").click()
    tab.button("Use a passkey").click()
    tab.page.locator("nav.places").wait_for()
    tab.blameless()


def test_a_list_says_whose_rows_it_shows(site: Site) -> None:
    tab = site.operator("users")
    tab.page.locator("tbody tr", has_text=site.owner).locator("a.title").click()
    tab.page.locator("a.tile", has_text="Claims").click()
    tab.page.get_by_text("Nothing matches these filters.").wait_for()
    given = tab.page.locator(".filters .given")
    assert given.locator("code").get_attribute("title") in tab.address()
    given.get_by_role("button", name="User: show all").click()
    tab.page.locator("tbody tr").first.wait_for()
    assert given.count() == 0 and "user_id" not in tab.address()
    tab.blameless()


def test_a_dead_letter_is_sent_again(site: Site) -> None:
    dead_letter(site)
    tab = site.operator()
    tab.page.get_by_text("1 dead letter").click()
    tab.button("Send again").click()
    tab.confirm()
    tab.page.get_by_text("There are none.", exact=False).or_(tab.page.locator("tbody tr")).first.wait_for()
    tab.go("dead-letters?status=redriven")
    tab.page.locator("tbody .status", has_text="redriven").wait_for()


def test_what_investigations_need_is_shown_in_full(site: Site) -> None:
    """A ledger has all its pages, and the audit log the requests and times that the logs have."""
    tab = site.operator("audit")
    cell = tab.page.locator("tbody tr").first.locator("td").last
    assert str(cell.locator("code").get_attribute("title")).startswith("req_")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", cell.locator("time").inner_text())
    first = lambda route: route.fulfill(json=route.fetch().json() | {"next_cursor": "more"})  # noqa: E731
    tab.page.route("**/ledger?limit=50", first)
    last = {"items": [], "next_cursor": None}
    tab.page.route("**/ledger?limit=50&cursor=more", lambda route: route.fulfill(json=last))
    (supply,) = linked(tab, "supplies")
    tab.go(supply)
    with tab.page.expect_request("**/ledger?limit=50&cursor=more"):
        tab.button("Next").click()
    tab.blameless()


def test_reconciliation_compares_all_supplies(site: Site) -> None:
    tab = site.operator("reconciliation")
    tab.button("Compare now").click()
    tab.page.get_by_text("compared: everything agrees").wait_for()
    asked = in_three_pages(tab, Account.create().address)
    tab.button("Compare now").click()
    tab.page.get_by_role("heading", name="1 difference", exact=True).wait_for()
    tab.page.get_by_text("compared so far").wait_for(state="detached")
    assert asked == ["", "a", "b"]
    assert tab.page.locator("td[data-head=Expected]").all_inner_texts() == ["2 ETH"]
    tab.blameless()


def test_a_webhook_is_added_and_its_secret_shown_once(site: Site) -> None:
    tab = site.tab()
    tab.register(f"{uuid.uuid4().hex}@example.com")
    tab.go("webhooks")
    tab.button("Add a webhook").first.click()
    tab.page.locator("dialog[open] [name=url]").wait_for()
    tab.fill(url=f"{site.url}/nowhere")
    tab.page.locator("dialog[open] button[type=submit]").click()
    secret = tab.page.locator("dialog[open] .secret").inner_text()
    assert secret.startswith("whsec_")
    tab.button("Close").click()
    tab.button("Send a test").click()
    tab.confirm()
    tab.page.locator("tbody tr", has_text="webhook.test").wait_for()
    assert secret not in tab.page.content() and tab.axe() == []
    with tab.page.expect_response("**/resend") as resent:
        tab.button("Send missed ones again").click()
        tab.confirm()
    assert resent.value.status == 202 and tab.axe() == []
    tab.blameless()


@pytest.fixture(scope="module")
def furnished(site: Site) -> None:
    furnish(site)


@pytest.mark.skipif(not PICTURES, reason="SCREENSHOTS is not set")
@pytest.mark.parametrize("width", SIZES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_screenshots(site: Site, furnished: None, theme: str, width: int) -> None:
    pictures(site, Path(str(PICTURES)), theme, width, (*OPERATED, *WORKED))


def test_what_a_person_has_is_usable_by_everybody(site: Site, furnished: None) -> None:
    """Check each page with data on it: a policy, its draft's verdict, a contract's forms, failed deliveries."""
    tab = site.signed_in(site.owner, "wallets", width=390)
    wallet, contract, webhook = linked(tab, "wallets", "contracts", "webhooks")
    wrong = {}
    for place in ("start", wallet, contract, webhook, "supplies", "orders", "transactions"):
        tab.go(place)
        wrong[place] = tab.faults()
    drafted(tab, wallet)
    wrong["policy"] = tab.faults()
    assert {place: found for place, found in wrong.items() if found} == {}
    tab.blameless()


def test_the_accessibility_checks_find_faults(site: Site) -> None:
    """The checks find faults, so the other tests' results without faults mean something."""
    tab = site.tab()
    tab.page.locator("form").wait_for()
    assert AXE.exists(), "axe-core comes with the set-up of clients/console"
    tab.page.evaluate("document.querySelector('label').remove(); document.body.append(new Image())")
    assert any(one.startswith(("label", "image-alt")) for one in tab.axe())
    tab.page.evaluate("""() => { try { document.body.innerHTML = "<b>markup</b>"; } catch {} }""")
    tab.page.wait_for_function("violations.includes('require-trusted-types-for trusted-types-sink')")
    with pytest.raises(AssertionError):
        tab.blameless()


def test_an_account_and_a_wallet_are_made_by_keyboard_alone(site: Site) -> None:
    tab = site.tab()
    keys, page = tab.page.keyboard, tab.page
    page.locator("form").wait_for()
    tab.reach("Create an account")
    keys.press("Enter")
    page.get_by_role("heading", name="Create an account").wait_for()
    tab.reach("E-mail")
    keys.type(f"{uuid.uuid4().hex}@example.com")
    tab.reach("Password")
    keys.type(PASSWORD)
    keys.press("Enter")
    page.get_by_role("heading", name="From a wallet to a paid order").wait_for()
    tab.reach("Make a wallet")
    keys.press("Enter")
    page.locator("dialog[open]").wait_for()
    tab.reach("Make a wallet")
    keys.press("Enter")
    page.get_by_role("heading", name="Write these words down now").wait_for()
    words = page.locator(".words li").all_inner_texts()
    tab.reach("I have written them down")
    keys.press("Enter")
    page.locator("dialog[open] label").nth(1).wait_for()
    for label in page.locator("dialog[open] label").all_inner_texts():
        tab.reach(label)
        keys.type(words[int(label.removeprefix("Word ")) - 1])
    keys.press("Enter")
    page.locator("dialog").wait_for(state="detached")
    tab.button("Get 10 ETH").wait_for()
    tab.reach("Get 10 ETH")
    keys.press("Enter")
    page.locator("dialog[open]").wait_for()
    keys.press("Escape")
    page.locator("dialog").wait_for(state="detached")
    page.locator("button:focus", has_text="Get 10 ETH").wait_for()  # focus returns shortly after closing
    tab.blameless()
