"""The steps of people who lost a password, bring a key, or look after the access of others."""

from __future__ import annotations

import json
import re
import uuid
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

from emulators.client import Api, wait_for
from tests.support.console import PASSWORD, Site, Tab

NEW = "a quite different passphrase"
KEY = bytes(range(1, 33)).hex()  # nobody's
ADDRESSES = """() => {
  window.addresses = []; // of each drawing of the page; page.url is only what the browser reported last
  new MutationObserver(() => addresses.push(location.href)).observe(document, { subtree: true, childList: true });
}"""
WORDS = "test test test test test test test test test test test junk"


def link_of(site: Site, email: str, page: str) -> str:
    """The newest link to this page of the console in a mail to this address."""
    folder = Path(site.product.env["STATE_DIR"]) / "mail"

    def found() -> str | None:
        for path in sorted(folder.glob("*.eml"), key=lambda one: one.stat().st_mtime_ns, reverse=True):
            mail = message_from_bytes(path.read_bytes(), policy=policy.default)
            link = re.search(rf"\S+/console#/{page}/\S+", mail.get_content())
            if mail["To"] == email and link:
                return link[0]
        return None

    return str(wait_for(f"a mail to {email}", found))


def password_lost_and_replaced(site: Site) -> None:
    """Ask for a mail, follow its link, choose another password, and sign in with it."""
    email = f"{uuid.uuid4().hex}@example.com"
    api = Api(site.url)
    api.sign_up(email, PASSWORD)
    api.http.close()
    tab = site.tab(width=390)
    said = [_asked(tab, one) for one in (email, "nobody@example.com")]
    assert said[0].replace(email, "…") == said[1].replace("nobody@example.com", "…")
    link = link_of(site, email, "reset")
    tab.page.evaluate(ADDRESSES)
    tab.page.goto(link)
    tab.page.get_by_role("heading", name="Choose a new password").wait_for()
    token = link.rpartition("/")[2]
    assert not any(token in address for address in tab.page.evaluate("addresses"))
    assert token not in tab.page.content()
    tab.fill(password="password1")
    tab.page.locator("button[type=submit]").click()
    tab.page.locator(".failure").wait_for()
    tab.fill(password=NEW)
    tab.page.locator("button[type=submit]").click()
    tab.page.get_by_role("heading", name="Your password is changed").wait_for()
    assert tab.axe() == []
    tab.page.get_by_role("link", name="Sign in").click()
    tab.sign_in(email, NEW)
    tab.page.goto(link)  # once only
    tab.fill(password=NEW)
    tab.page.locator("button[type=submit]").click()
    tab.page.locator(".failure", has_text="already used").wait_for()
    assert not any(token in url for url in tab.asked)
    tab.blameless()


def _asked(tab: Tab, email: str) -> str:
    tab.page.evaluate("location.hash = '#/'")
    tab.page.get_by_role("link", name="Forgot your password?").click()
    send = tab.page.get_by_role("button", name="Send the link")
    send.wait_for()  # the page before has a field of this name, too
    tab.fill(email=email)
    send.click()
    tab.page.get_by_role("heading", name="Look into your mailbox").wait_for()
    return str(tab.page.locator(".card").inner_text())


def address_confirmed(site: Site) -> None:
    """Follow the link of the welcome mail."""
    email = f"{uuid.uuid4().hex}@example.com"
    tab = site.tab()
    tab.register(email)
    tab.go("account")
    tab.page.locator(".facts .status", has_text="not confirmed").wait_for()
    tab.page.goto(link_of(site, email, "confirm"))
    tab.fill(password="not this one")
    tab.page.locator("button[type=submit]").click()
    tab.page.locator(".failure", has_text="wrong").wait_for()
    tab.fill(password=PASSWORD)
    tab.page.locator("button[type=submit]").click()
    tab.page.get_by_role("heading", name="Your address is confirmed").wait_for()
    tab.page.get_by_role("link", name="Sign in").click()
    tab.sign_in(email)
    tab.go("account")
    assert tab.page.locator(".facts .status").count() == 0
    tab.blameless()


def keys_come_and_go(site: Site, tmp: Path) -> None:
    """Import a private key, export it as a file, import that file elsewhere, and words; no secret stays in the page."""
    tab = site.tab()
    tab.register(f"{uuid.uuid4().hex}@example.com")
    _import(tab, private_key="0x" + KEY)
    address = str(tab.page.locator(".facts code").first.inner_text())
    tab.button("Export a keystore file").click()
    tab.fill(passphrase=NEW, again=PASSWORD)
    tab.page.locator("dialog[open] button[type=submit]").click()
    tab.page.locator("dialog[open] .failure", has_text="differ").wait_for()
    tab.fill(again=NEW)
    tab.page.locator("dialog[open] button[type=submit]").click()
    with tab.page.expect_download() as saved:
        tab.button("Download it").click()
    file = tmp / "keystore.json"
    saved.value.save_as(file)
    assert KEY not in file.read_text() and "crypto" in json.loads(file.read_text())
    tab.button("Close").click()
    tab.button("Show the private key").click()
    tab.page.locator("dialog[open] button[type=submit]").click()
    tab.page.locator("dialog[open] .secret", has_text=KEY).wait_for()
    tab.button("Close").click()
    _import(tab, mnemonic=WORDS)
    tab.go("wallets")
    tab.button("Import a key").click()
    tab.page.locator("dialog[open] [name=private_key]").wait_for()
    assert tab.axe() == []
    _clean(tab)
    other = site.tab(width=390)
    other.register(f"{uuid.uuid4().hex}@example.com")
    _import(other, keystore=file, passphrase=NEW)
    assert str(other.page.locator(".facts code").first.inner_text()) == address
    _clean(other)


def _import(tab: Tab, **secret: Any) -> None:
    tab.go("wallets")
    tab.button("Import a key").first.click()
    dialog = tab.page.locator("dialog[open]")
    (name, value), *more = secret.items()
    dialog.locator(f"input[value={name}]").check()
    if isinstance(value, Path):
        dialog.locator(f"[name={name}]").set_input_files(value)
    else:
        dialog.locator(f"[name={name}]").fill(value)
    tab.fill(**dict(more))
    assert tab.fits()
    dialog.locator("button[type=submit]").click()
    dialog.wait_for(state="detached")
    tab.page.get_by_role("heading", name="Imported").wait_for()


def _clean(tab: Tab) -> None:
    content = tab.page.content()
    assert not any(secret in content or secret in "".join(tab.asked) for secret in (KEY, NEW, WORDS))
    tab.blameless()


def access_seen_and_ended(site: Site, api: Api, user_id: str) -> None:
    """An administrator looks at an account's sign-ins and keys, and ends one of each."""
    key = api.expect(201, "POST", "/auth/api-keys", {"name": "Robot", "scopes": ["wallet:read"]})
    tab = site.operator(f"users/{user_id}")
    robot = tab.page.locator("tbody tr", has_text="Robot")
    robot.get_by_role("button", name="Revoke").click()
    tab.fill(reason="It was seen in a public repository.")
    tab.confirm()
    tab.page.get_by_text("This account has no API keys.").wait_for()
    assert key["api_key"] not in tab.page.content()
    sign_ins = tab.page.locator("section", has=tab.page.get_by_role("heading", name="Sign-ins"))
    before = sign_ins.locator(".status", has_text="ended").count()
    sign_ins.get_by_role("button", name="End").last.click()
    tab.fill(reason="A device was stolen.")
    tab.confirm()
    sign_ins.locator(".status", has_text="ended").nth(before).wait_for()
    assert tab.axe() == [] and tab.fits()
    tab.blameless()
