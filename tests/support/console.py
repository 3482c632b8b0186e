"""A person at the console: a browser tab, and the steps of the main job in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from emulators.product import Product
from emulators.toolkit import ROOT
from tests.support import browser

OPERATOR = "operator-of-console@example.com"
BUNDLE = ROOT / "functions" / "site" / "console"
SIZES = {390: 844, 1440: 900}
WAIT = 30_000  # milliseconds, on a busy machine
PASSWORD = "correct horse battery staple"
VIOLATIONS = """window.violations = [];
document.addEventListener("securitypolicyviolation", e => violations.push(e.violatedDirective + " " + e.blockedURI));"""
# Resolves when the page has followed its new address: until then it still shows the place before.
GO = """place => new Promise(done => {
    const before = location.href;
    location.hash = place;
    if (location.href === before) done();
    else addEventListener("hashchange", () => requestAnimationFrame(() => setTimeout(done)), { once: true });
})"""
DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
AXE = Path(__file__).parents[2] / "clients" / "console" / "node_modules" / "axe-core" / "axe.min.js"
# The whole answer has thousands of elements in which nothing is wrong: it is read where it is.
FAULTS = """async rule => {
    const { violations } = await axe.run({ resultTypes: ["violations"], ...(rule ? { runOnly: [rule] } : {}) });
    return violations.flatMap(one => one.nodes.map(node => `${one.id}: ${node.target} ${node.failureSummary}`));
}"""
EXPECTED = re.compile(r"status of (401|403|404|409|422|429|503)")  # the page shows these to the person


NEEDED = [
    browser.needed,
    pytest.mark.skipif(not BUNDLE.exists(), reason="the console is not bundled (`make setup`)"),
    pytest.mark.timeout(300),
]


@dataclass
class Tab:
    """One person's browser at the console, with the browser's messages."""

    page: Any
    url: str
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    @classmethod
    def opened(
        cls, browser: Any, url: str, place: str = "", *, theme: str = "light", width: int = 1440
    ) -> Tab:
        context = browser.new_context(
            color_scheme=theme, viewport={"width": width, "height": SIZES[width]}, reduced_motion="reduce"
        )
        tab = cls(context.new_page(), url)
        tab.page.set_default_timeout(WAIT)
        tab.page.add_init_script(VIOLATIONS)
        tab.page.on("request", lambda request: tab.asked.append(request.url))
        tab.page.on("pageerror", lambda error: tab.said.append(str(error)))
        tab.page.on("console", tab._note)
        tab.page.goto(f"{url}/console#/{place}" if place else f"{url}/console")
        return tab

    def _note(self, said: Any) -> None:
        if said.type == "error" and not EXPECTED.search(said.text):
            self.said.append(said.text)

    def blameless(self) -> None:
        """Check that the policy stopped nothing, no other host was asked, no error was thrown and no credential is
        stored."""
        assert self.page.evaluate("window.violations") == []
        assert self.said == []
        hosts = {urlsplit(url).netloc for url in self.asked if not url.startswith(("data:", "blob:"))}
        assert hosts == {urlsplit(self.url).netloc}
        kept = self.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
        assert "eyJ" not in kept and "wbr_" not in kept and "console_session" not in kept

    def go(self, place: str) -> None:
        """Open this place and wait until it is loaded."""
        self.page.evaluate(GO, f"#/{place}")
        self.page.locator("main h1, main .failure").first.wait_for()
        self.page.wait_for_selector("main .loading", state="detached")

    def address(self) -> str:
        """What the address bar shows now; `page.url` follows a change within the page a moment later."""
        return str(self.page.evaluate("location.href"))

    def button(self, name: str) -> Any:
        return self.page.get_by_role("button", name=name, exact=True)

    def fill(self, **values: str) -> None:
        """Fill the fields of the dialog, or of the page if there is no dialog, by their names."""
        for name, value in values.items():
            self.page.locator(f"[name={name}]").last.fill(value)

    def confirm(self) -> None:
        """Do what the dialog asks for."""
        dialog = self.page.locator("dialog[open]")
        dialog.locator("button[type=submit]").click()
        dialog.wait_for(state="detached")

    def register(self, email: str) -> None:
        self.button("Create an account").click()
        self.fill(email=email, password=PASSWORD)
        self.page.locator("form button[type=submit]").click()
        self.page.get_by_role("heading", name="From a wallet to a paid order").wait_for()

    def sign_in(self, email: str, password: str = PASSWORD) -> None:
        self.fill(email=email, password=password)
        self.page.locator("form button[type=submit]").click()
        self.page.locator("nav.places").wait_for(state="attached")

    def make_wallet(self) -> str:
        """Press the page's button; returns the words that are shown once."""
        self.button("Make a wallet").first.click()
        dialog = self.page.locator("dialog[open]")
        dialog.locator("button[type=submit]").click()
        return self.words_noted()

    def words_noted(self) -> str:
        """Read the words that are shown once and that the person has to know."""
        self.page.get_by_role("heading", name="Write these words down now").wait_for()
        words = [str(word) for word in self.page.locator(".words li").all_inner_texts()]
        assert len(words) in (12, 24)
        self.button("I have written them down").click()
        self.page.locator("dialog[open] input").nth(1).wait_for()
        for box in self.page.locator("dialog[open] input").all():
            place = int(box.get_attribute("name").removeprefix("word-"))
            box.fill(words[place])
        self.page.locator("dialog[open] button[type=submit]").click()
        self.page.locator("dialog[open] [name^=word-]").first.wait_for(state="detached")
        return " ".join(words)

    def reach(self, name: str) -> None:
        """Move the focus there with as many presses of Tab as necessary."""
        text = "(one => (one.labels && one.labels[0] ? one.labels[0].textContent : one.textContent).trim())"
        for _ in range(60):
            self.page.keyboard.press("Tab")
            if self.page.evaluate(f"{text}(document.activeElement)") == name:
                return
        raise AssertionError(f"{name} is not reached by keyboard")

    def axe(self, rule: str | None = None) -> list[str]:
        """The accessibility faults of the page that axe finds, by all rules or by one."""
        if not self.page.evaluate("Boolean(window.axe)"):
            self.page.evaluate(AXE.read_text(encoding="utf-8"))  # by the debugger: no policy applies
        return [str(one) for one in self.page.evaluate(FAULTS, rule)]

    def fits(self) -> bool:
        """Check that nothing extends beyond the right edge, of the page or of a list."""
        boxes = "[document.documentElement, ...document.querySelectorAll('.list')]"
        return bool(self.page.evaluate(f"{boxes}.every(one => one.scrollWidth <= one.clientWidth)"))

    def faults(self) -> list[str]:
        """What is wrong with the page on a large screen with dark colours, then on a phone with light ones. All rules
        are checked once, because the themes differ only in their colours."""
        found = []
        for theme, width, rule in (("dark", 1440, "color-contrast"), ("light", 390, None)):
            self.page.set_viewport_size({"width": width, "height": SIZES[width]})
            self.page.emulate_media(color_scheme=theme)
            self.page.evaluate(DRAWN)
            found += [f"{theme}, {one}" for one in self.axe(rule)]
            found += [] if self.fits() else [f"{width} wide, hangs over the edge"]
        return found


@dataclass
class Site:
    """The running product, a browser, and the results of the main job."""

    url: str
    browser: Any
    product: Product
    owner: str = ""
    order: str = ""
    claim: str = ""

    def tab(self, place: str = "", **more: Any) -> Tab:
        return Tab.opened(self.browser, self.url, place, **more)

    def signed_in(self, email: str, place: str = "", **more: Any) -> Tab:
        """Sign in at this place: no other page is loaded and drawn before it."""
        tab = self.tab(place, **more)
        tab.sign_in(email)
        if place:
            tab.go(place)
        return tab

    def operator(self, place: str = "", **more: Any) -> Tab:
        return self.signed_in(OPERATOR, place, **more)
