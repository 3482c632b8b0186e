"""Screenshots of each page of the console, and the ways to pages that need more than an address."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.support.console import OPERATOR, Site, Tab


def linked(tab: Tab, *lists: str) -> Iterator[str]:
    """The first row of each of these lists."""
    for name in lists:
        tab.go(name)
        yield str(tab.page.locator("tbody a.title").first.get_attribute("href")).removeprefix("#/")


def drafted(tab: Tab, wallet: str) -> None:
    """Create a draft of a policy that would have refused something."""
    tab.go(wallet.replace("wallets/", "policy/"))
    tab.fill(most="0.1")
    tab.button("Try this draft").click()
    tab.page.locator("tbody tr").first.wait_for()


def pictures(site: Site, folder: Path, theme: str, width: int, places: Sequence[str]) -> None:
    """Take each page once, as an operator or as the person whose things it shows."""
    folder.mkdir(parents=True, exist_ok=True)
    kind = f"{theme}-{width}"
    tab = site.tab(theme=theme, width=width)
    _taken(
        tab,
        {"sign-in": "", "reset": "reset", "reset-link": "reset/wbm_x", "confirm": "confirm/wbm_x"},
        folder,
        kind,
    )
    tab.page.evaluate("location.hash = '#/'")
    tab.sign_in(OPERATOR)
    details = {"order": f"orders/{site.order}", "claim": f"claims/{site.claim}"}
    kinds = {"wallet": "wallets", "transaction": "transactions", "supply": "supplies", "user": "users"}
    details |= dict(zip(kinds, linked(tab, *kinds.values()), strict=True))
    _taken(tab, {one: one for one in places} | details, folder, kind)
    user = site.tab(theme=theme, width=width)
    user.sign_in(site.owner)
    kinds = {"wallet-own": "wallets", "contract": "contracts", "webhook": "webhooks"}
    found = dict(zip(kinds, linked(user, *kinds.values()), strict=True))
    lists = {f"{name}-own": name for name in ("wallets", "supplies", "account")}
    _taken(user, {"start": "start"} | found | lists, folder, kind)
    user.go("wallets")
    user.button("Import a key").click()
    user.page.locator("dialog[open] [name=private_key]").wait_for()
    user.page.screenshot(path=str(folder / f"console-import-{kind}.png"))
    user.button("Cancel").click()
    drafted(user, found["wallet-own"])
    user.page.evaluate("scrollTo(0, 0)")
    user.page.screenshot(path=str(folder / f"console-policy-{kind}.png"), full_page=True)


def _taken(tab: Tab, places: Mapping[str, str], folder: Path, kind: str) -> None:
    for name, place in places.items():
        tab.go(place)
        tab.page.wait_for_timeout(300)
        tab.page.screenshot(path=str(folder / f"console-{name}-{kind}.png"), full_page=True)
