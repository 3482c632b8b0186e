"""The reference in a real browser, under its own policy: it renders, it calls the API, and it contacts no other host.

SCREENSHOTS=<folder> also writes screenshots."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest

from schemas.contract import webhooks
from shared.runtime import operation
from tests.support import browser as browsers
from tests.support.inprocess import App
from tests.support.origins import product

SIZES = {390: 844, 1440: 900}
WAIT = 30_000  # milliseconds, on a busy machine
GROUND = {"light": "rgb(250, 250, 248)", "dark": "rgb(28, 32, 34)"}  # --ground of functions/site/site.css
PICTURES = os.environ.get("SCREENSHOTS")
VIOLATIONS = """window.violations = [];
document.addEventListener("securitypolicyviolation", e => violations.push(e.violatedDirective + " " + e.blockedURI));"""
# What the parts of the document that are given to Swagger UI lack, and the length of the longest.
PARTS = """async () => {
    const spec = await (await fetch("/openapi.json")).json();
    const lacking = [];
    let longest = 0;
    for (const room of ["paths", "webhooks"])
        for (const [name, item] of Object.entries(spec[room])) {
            const cut = part(spec, [room, name, Object.keys(item)[0]]);
            const found = (text) => text.slice(2).split("/").reduce((at, key) => at && at[key], cut);
            const text = JSON.stringify(cut, (_, value) => {
                if (typeof value === "string" && value.startsWith("#/") && !found(value)) lacking.push(value);
                return value;
            });
            if (cut[room][name] !== item) lacking.push(name);
            longest = Math.max(longest, text.length);
        }
    return [lacking, longest / JSON.stringify(spec).length];
}"""

pytestmark = browsers.needed
Theme = Literal["light", "dark"]


@dataclass
class Tab:
    """A page, with the browser's messages about it."""

    page: Any
    url: str
    requested: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def blameless(self) -> None:
        """Check that the policy stopped nothing, no other host was asked, and no error was thrown."""
        assert self.page.evaluate("window.violations") == []
        assert self.said == []
        assert {urlsplit(url).netloc for url in self.requested if not url.startswith("data:")} == {
            urlsplit(self.url).netloc
        }

    def picture(self, name: str) -> None:
        if PICTURES:
            self.page.screenshot(path=str(Path(PICTURES) / f"{name}.png"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsers.browser() as found:
        yield found


@pytest.fixture(autouse=True)
def closed(browser: Any) -> Iterator[None]:
    """Close the pages: one that stays open goes on working."""
    yield
    for context in browser.contexts:
        context.close()


@pytest.fixture
def site(app: App) -> Iterator[str]:
    """The product on its own port."""
    with product() as url:
        yield url


def opened(browser: Any, url: str, theme: Theme = "light", width: int = 1440) -> Tab:
    context = browser.new_context(color_scheme=theme, viewport={"width": width, "height": SIZES[width]})
    tab = Tab(context.new_page(), url)
    tab.page.set_default_timeout(WAIT)
    tab.page.add_init_script(VIOLATIONS)
    tab.page.on("request", lambda request: tab.requested.append(request.url))
    tab.page.on("pageerror", lambda error: tab.said.append(str(error)))
    tab.page.on("console", lambda said: tab.said.append(said.text) if said.type == "error" else None)
    tab.page.goto(url)
    return tab


def fits(page: Any) -> bool:
    """Check that nothing extends beyond the right edge."""
    root = "document.documentElement"
    return bool(page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth"))


def screens(page: Any) -> Iterator[set[str]]:
    """Yield the ids of the rendered operations, half a screen further down each time, to the end of the page.

    Swagger UI renders a list of 150 rows and more only in the visible area."""
    page.wait_for_selector(".opblock")
    page.evaluate("window.scrollTo(0, 0)")
    more = True
    while more:
        page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        yield set(page.evaluate("[...document.querySelectorAll('.opblock')].map(block => block.id)"))
        more = page.evaluate("""() => { const from = scrollY; scrollBy({top: innerHeight / 2, behavior: "instant"});
            return scrollY > from; }""")


def found(page: Any, tag: str, operation: str) -> Any:
    """Find the operation by the page's filter, like a reader, and return it, still collapsed. Of all operations it may
    not be rendered."""
    page.locator(".operation-filter-input").fill(tag)
    block = page.locator(f"#operations-{tag}-{operation}")
    block.wait_for()
    return block


# Themes differ only in their colours, which the landing page shows in both widths too.
LOOKS = (
    [(theme, width) for theme in GROUND for width in SIZES] if PICTURES else [("light", 390), ("dark", 1440)]
)


@pytest.mark.parametrize(("theme", "width"), LOOKS)
def test_the_landing_page_leads_to_the_reference_which_draws_everything_alone(
    browser: Any, site: str, theme: Theme, width: int
) -> None:
    """Each operation and each event."""
    tab = opened(browser, f"{site}/", theme, width)
    tab.page.get_by_text("API reference").click()
    tab.page.wait_for_url("**/docs")
    routes = sum(len(entry.https) for entry in operation.catalog().values())
    drawn: set[str] = set()
    for ids in screens(tab.page):
        assert fits(tab.page)
        drawn |= ids
    assert len(drawn) == routes + len(webhooks.types())
    tab.page.evaluate("window.scrollTo(0, 0)")
    assert tab.page.locator(".errors-wrapper").count() == 0
    assert (
        tab.page.locator(".info ol").count() == 0
    )  # a line of the description that begins with a number and a dot
    assert tab.page.evaluate("getComputedStyle(document.body).backgroundColor") == GROUND[theme]
    dark = tab.page.evaluate("document.documentElement.classList.contains('dark-mode')")
    assert dark is (theme == "dark")
    tab.picture(f"docs-{theme}-{width}")
    block = found(tab.page, "claims", "claim_order")
    block.locator(".opblock-summary-control").click()
    block.locator(".responses-table").first.wait_for()
    block.scroll_into_view_if_needed()
    assert fits(tab.page)
    tab.picture(f"operation-{theme}-{width}")
    tab.blameless()


@pytest.mark.parametrize("theme", GROUND)
@pytest.mark.parametrize("width", SIZES)
def test_the_landing_page_fits(browser: Any, site: str, theme: Theme, width: int) -> None:
    tab = opened(browser, f"{site}/", theme, width)
    assert tab.page.evaluate("getComputedStyle(document.body).backgroundColor") == GROUND[theme]
    assert fits(tab.page)
    tab.picture(f"landing-{theme}-{width}")
    tab.blameless()


def test_an_operation_is_tried_from_the_page(browser: Any, site: str) -> None:
    tab = opened(browser, f"{site}/docs")
    block = found(tab.page, "site", "get_jwks")
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Try it out").click()
    block.get_by_role("button", name="Execute").click()
    answer = block.locator(".live-responses-table", has_text='"kid"')
    answer.wait_for()
    assert "200" in answer.inner_text()
    tab.blameless()


def test_a_credential_goes_with_a_call_and_is_not_kept(browser: Any, site: str, app: App) -> None:
    tab = opened(browser, f"{site}/docs")
    tab.page.get_by_role("button", name="Authorize").first.click()
    tab.page.locator("#auth-bearer-value").fill(app.token("usr_1"))
    form = tab.page.locator(".auth-container").filter(has=tab.page.locator("#auth-bearer-value"))
    form.get_by_role("button", name="Apply credentials").click()
    tab.page.locator(".close-modal").click()
    block = found(tab.page, "supplies", "list_supplies")
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Try it out").click()
    block.get_by_role("button", name="Execute").click()
    block.locator(".live-responses-table", has_text='"items"').wait_for()
    assert tab.page.evaluate("localStorage.length + sessionStorage.length") == 0
    tab.blameless()


def test_what_is_opened_is_resolved_without_the_whole_document(browser: Any, site: str) -> None:
    """Else Swagger UI reads all of it for each operation that somebody opens, which takes seconds."""
    tab = opened(browser, f"{site}/")
    tab.page.add_script_tag(url="/docs/docs.js")
    lacking, longest = tab.page.evaluate(PARTS)
    assert lacking == [] and longest < 0.25


def test_the_policy_is_enforced_where_it_is_measured(browser: Any, site: str) -> None:
    """The policy works, so the other tests' empty results mean something: it stops an inline script and a foreign
    image."""
    tab = opened(browser, f"{site}/docs")
    tab.page.evaluate("""() => { const bad = document.createElement("script"); bad.textContent = "1";
        document.body.append(bad); new Image().src = "http://127.0.0.2:9/x.png"; }""")
    tab.page.wait_for_function("window.violations.length >= 2")
    with pytest.raises(AssertionError):
        tab.blameless()
