"""The console when answers are late, lost, refused or of somebody else, and when keys are not meant for it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct

from emulators import seed
from emulators.product import Product
from tests.support import console
from tests.support.browser import browser
from tests.support.console import OPERATOR, PASSWORD, Site, Tab

pytestmark = console.NEEDED
PROXY = {"status": 500, "body": "<html>a proxy</html>"}


@pytest.fixture(scope="module")
def site(own_world: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Product.start(tmp_path_factory.mktemp("console")) as product, browser() as found:
        seed.operator(OPERATOR, PASSWORD)
        yield Site(f"http://localhost:{product.port}", found, product)


@pytest.fixture(autouse=True)
def closed(site: Site) -> Iterator[None]:
    yield
    for context in site.browser.contexts:
        context.close()


@pytest.fixture
def tab(site: Site) -> Tab:
    """Somebody new."""
    tab = site.tab()
    tab.register(some_email())
    return tab


def some_email() -> str:
    return f"{uuid.uuid4().hex}@example.com"


def test_what_is_done_again_after_a_lost_answer_takes_effect_once(tab: Tab) -> None:
    keys: list[str] = []

    def lost_once(route: Any) -> Any:
        if route.request.method != "POST":
            return route.continue_()
        keys.append(route.request.headers["idempotency-key"])
        answer = route.fetch()
        assert answer.status == 201
        return route.fulfill(**PROXY) if len(keys) == 1 else route.fulfill(response=answer)

    tab.page.route("**/api/v1/webhooks", lost_once)
    tab.go("webhooks")
    tab.button("Add a webhook").first.click()
    tab.page.locator("dialog[open] [name=url]").wait_for()
    tab.fill(url=f"{tab.url}/nowhere")
    tab.page.locator("dialog[open] button[type=submit]").click()
    tab.page.locator("dialog[open] .failure").wait_for()
    tab.page.locator("dialog[open] button[type=submit]").click()
    tab.page.get_by_text("sent only once").wait_for()  # a repeated answer has no secret
    tab.button("Close").click()
    tab.go("webhooks")
    tab.page.locator("tbody tr").first.wait_for()
    assert tab.page.locator("tbody tr").count() == 1
    assert len(keys) == 2 and keys[0] == keys[1]


def test_who_signed_in_elsewhere_is_shown_before_anything_is_done(site: Site, tab: Tab) -> None:
    second = Tab(tab.page.context.new_page(), site.url)
    second.page.clock.install()
    second.page.goto(f"{site.url}/console")
    second.page.locator("nav.places").wait_for()
    tab.button("Sign out").click()
    tab.page.locator("form").wait_for()
    other = some_email()
    tab.register(other)
    second.page.clock.fast_forward("15:30")  # its next poll renews the token
    second.page.locator(".who", has_text=other).wait_for()


def test_a_slow_answer_is_waited_for(site: Site) -> None:
    tab = site.tab()
    tab.page.clock.install()
    tab.page.reload()
    tab.sign_in(OPERATOR)
    held: list[Any] = []
    with tab.page.expect_request("**/api/v1/admin/lanes*"):
        tab.page.route("**/api/v1/admin/lanes*", lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks it
        tab.page.evaluate("location.hash = '#/lanes'")
    for _ in range(3):
        tab.page.clock.fast_forward("00:06")
    assert len(held) == 1
    held[0].fulfill(json={"items": [], "next_cursor": None})
    tab.page.locator(".empty").wait_for()


def test_a_silent_stream_is_opened_again(site: Site) -> None:
    tab = site.tab()
    tab.page.clock.install()
    tab.page.reload()
    tab.sign_in(OPERATOR)
    tab.page.locator(".live.on").wait_for()
    with tab.page.expect_request("**/events/stream"):
        tab.page.clock.fast_forward("00:50")
    tab.page.locator(".live.on").wait_for()


def test_without_a_stream_lists_are_read_now_and_then(site: Site, tab: Tab) -> None:
    tab.page.clock.install()
    tab.page.route("**/api/v1/events/stream", lambda route: route.fulfill(status=502, body=""))
    tab.page.reload()
    tab.page.locator(".live.again").wait_for()
    tab.go("orders")
    with tab.page.expect_request("**/api/v1/orders?limit=50"):
        tab.page.clock.fast_forward("00:16")


def test_a_wallet_behind_a_hundred_of_other_chains_is_found(tab: Tab) -> None:
    order: dict[str, Any] = {
        "id": "ord_1",
        "user_id": "usr_1",
        "chain": "local",
        "currency": "ETH",
        "amount": "1",
    }
    order |= {"items": [{"quantity": 1, "product_name": "Notebook"}], "created_at": "2030-01-31T12:00:00Z"}
    wallet = {"id": "wal_1", "name": "The right one", "chain": "local", "address": "0x" + "1" * 40}

    def answered(route: Any) -> None:
        here = "chain=local" in route.request.url
        found = [wallet] if here else [wallet | {"id": f"wal_x{at}", "chain": "other"} for at in range(100)]
        route.fulfill(json={"items": found, "next_cursor": None})

    found = {"items": [order], "next_cursor": None}
    tab.page.route("**/api/v1/orders/available*", lambda route: route.fulfill(json=found))
    tab.page.route("**/api/v1/wallets?limit=100*", answered)
    tab.go("market")
    tab.button("Claim").click()
    tab.page.locator("dialog[open] option", has_text="The right one").wait_for(state="attached")


def test_an_end_of_the_sign_in_is_said_however_many_reads_hear_of_it(tab: Tab) -> None:
    tab.go("start")
    tab.button("Make a wallet").first.click()
    tab.page.locator("dialog[open]").wait_for()
    tab.page.context.clear_cookies()
    refused = {"error": {"code": "UNAUTHENTICATED", "message": "No."}}
    tab.page.route("**/api/v1/**", lambda route: route.fulfill(status=401, json=refused))
    tab.page.evaluate("location.hash = '#/account'")
    tab.page.locator("form [name=password]").wait_for()
    tab.page.wait_for_load_state("networkidle")
    assert tab.page.get_by_text("Your sign-in has ended").count() == 1
    assert tab.page.locator("dialog").count() == 0


def test_a_busy_api_at_the_start_does_not_sign_out(tab: Tab) -> None:
    busy = iter([503, 429])

    def answered(route: Any) -> Any:
        status = next(busy, None)
        if status is None:
            return route.continue_()
        return route.fulfill(status=status, json={"error": {"code": "UNREADY", "message": "busy"}})

    tab.page.route("**/console/session/refresh", answered)
    tab.page.reload()
    tab.page.locator(".trouble").wait_for()
    tab.page.locator("nav.places").wait_for()


def test_a_dialog_that_cannot_be_prepared_says_so(tab: Tab) -> None:
    tab.go("wallets")
    tab.page.route("**/api/v1/chains", lambda route: route.fulfill(**PROXY))
    tab.button("Make a wallet").first.click()
    tab.page.locator("dialog[open] .failure").wait_for()
    tab.button("Close").click()
    tab.page.locator("dialog").wait_for(state="detached")


def test_what_was_not_copied_is_not_called_copied(tab: Tab) -> None:
    tab.go("account")
    tab.page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error()); }")
    tab.page.locator(".facts button.copy").first.click()
    tab.page.get_by_text("Not copied").wait_for()


def test_an_address_leads_to_no_other_route_of_the_api(tab: Tab) -> None:
    for place in ("orders/ord_1%2F..%2F..%2Fchains", "wallets/..%3Fx", "constructor", "__proto__/wal_1"):
        tab.page.evaluate("place => { location.hash = `#/${place}` }", place)
        tab.page.locator(".empty", has_text="Check the id").wait_for()
        tab.page.evaluate("location.hash = '#/start'")
        tab.page.get_by_role("heading", name="From a wallet to a paid order").wait_for()
    assert [url for url in tab.asked if "ord_1" in url or "wal_1" in url or ".." in url] == []
    tab.blameless()


@pytest.mark.parametrize(
    ("place", "path"),
    [("approvals", "approvals"), ("account", "auth/api-keys"), ("account", "auth/sessions")],
)
def test_short_lists_have_further_pages(tab: Tab, place: str, path: str) -> None:
    def answered(route: Any) -> Any:
        more = None if "cursor=more" in route.request.url else "more"
        route.fulfill(json={"items": [], "next_cursor": more})

    tab.page.route(f"**/api/v1/{path}*", answered)
    tab.go(place)
    with tab.page.expect_request(f"**/api/v1/{path}?limit=50&cursor=more"):
        tab.button("Next").click()
    tab.button("Previous").click()


def test_who_has_no_password_proves_it_by_wallet(site: Site) -> None:
    key = Account.create()

    def provider(method: str, params: list[str]) -> Any:
        if method == "eth_requestAccounts":
            return [key.address]
        text = encode_defunct(hexstr=params[0])
        return "0x" + bytes(Account.sign_message(text, key.key).signature).hex()

    asked = iter([{"code": "STEP_UP_REQUIRED", "message": "Prove it.", "data": {"prove": "sign_in"}}])

    def refused_once(route: Any) -> Any:
        error = next(asked, None) if route.request.method == "POST" else None
        if error is None:
            return route.continue_()
        return route.fulfill(status=403, json={"error": error})

    tab = site.tab()
    tab.page.expose_function("provided", provider)
    tab.page.evaluate(
        "window.ethereum = {request: ({method, params}) => window.provided(method, params || [])}"
    )
    tab.button("Sign in with a wallet").click()
    tab.page.locator("nav.places").wait_for()
    tab.page.route("**/api/v1/auth/api-keys*", refused_once)
    tab.go("account")
    tab.button("Make a key").click()
    tab.fill(name="Shop")
    tab.page.locator("dialog[open] button[type=submit]").click()
    tab.button("Prove it with your wallet").click()
    tab.page.locator("dialog[open] .secret").wait_for()
    tab.blameless()


def test_a_declined_passkey_is_said_and_the_way_back_is_open(site: Site) -> None:
    tab = site.tab()
    passkey = {"publicKey": {"challenge": "AAAA", "rpId": "localhost"}}
    error = {"code": "SECOND_FACTOR_REQUIRED", "data": {"factors": ["passkey"], "passkey": passkey}}
    tab.page.route("**/api/v1/auth/login", lambda route: route.fulfill(status=401, json={"error": error}))
    tab.page.evaluate("() => { navigator.credentials.get = () => Promise.reject(new Error('Declined')); }")
    tab.fill(email=some_email(), password=PASSWORD)
    tab.page.locator("form button[type=submit]").click()
    tab.button("Use a passkey").click()
    tab.page.locator(".failure", has_text="Declined").wait_for()
    tab.button("Back to sign-in").click()
    tab.page.locator("[name=password]").wait_for()
    tab.blameless()


def test_shortcuts_of_single_keys_can_be_switched_off(site: Site) -> None:
    tab = site.operator()
    tab.page.keyboard.press("?")
    tab.page.get_by_label("Single keys are shortcuts").uncheck()
    tab.button("Close").click()
    for key in ("?", "g", "o"):
        tab.page.keyboard.press(key)
    assert tab.page.locator("dialog").count() == 0 and not tab.address().endswith("#/orders")
    tab.page.reload()
    tab.button("Keyboard").click()
    assert not tab.page.get_by_label("Single keys are shortcuts").is_checked()
    tab.blameless()
