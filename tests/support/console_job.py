"""The main job by hand: two people at the console, from two accounts to a paid order."""

from __future__ import annotations

import time
import uuid
from typing import Any

from tests.support.console import Site, Tab

HOSTILE = "<img src=x onerror=window.hacked=1>${7*7}\"'`bicycle"
SECONDS = 120.0


def main_job(site: Site) -> None:
    """Do the job by hand, with two people at once, one of them on a phone; the names try to be scripts."""
    began = time.monotonic()
    site.owner = f"{uuid.uuid4().hex}@example.com"
    owner = site.tab()
    owner.register(site.owner)
    words = owner.make_wallet()
    owner.button("Get 10 ETH").click()
    owner.confirm()
    owner.page.get_by_text("10 ETH").nth(1).wait_for()
    assert words not in owner.page.content()
    _supplied(owner)
    owner.button("Place an order").click()
    owner.page.locator("dialog[open] [name=product]").wait_for()
    owner.fill(product=HOSTILE, price="0.35", quantity="3", note=HOSTILE)
    owner.confirm()
    owner.page.locator(".steps .status", has_text="open").wait_for()

    claimer = site.tab(width=390)
    claimer.register(f"{uuid.uuid4().hex}@example.com")
    claimer.make_wallet()
    claimer.go("market")
    claimer.button("Claim").click()
    claimer.page.locator("dialog[open] option").first.wait_for(state="attached")
    claimer.confirm()
    claimer.page.locator(".facts .status", has_text="claimed").wait_for()

    owner.button("Pay the claim").click()  # over the stream: nobody has reloaded
    owner.confirm()
    owner.page.locator(".steps .status", has_text="completed").wait_for()
    claimer.page.locator(".facts .status", has_text="processed").wait_for()
    owner.page.locator(".live.on").wait_for()
    took = time.monotonic() - began
    print(f"the main job by hand: {took:.1f} s")
    assert took < SECONDS
    site.claim = claimer.address().rsplit("/", 1)[-1]
    site.order = str(owner.page.locator(".steps a[href*='ord_']").get_attribute("href")).rsplit("/", 1)[-1]
    for tab in (owner, claimer):
        tab.blameless()
        tab.page.context.close()


def _made(answer: Any) -> bool:
    return answer.request.method == "POST" and str(answer.url).endswith("/supplies")


def _supplied(owner: Tab) -> None:
    """Commit a supply. The product refuses it until it sees enough coins on the chain, so the person asks again until
    then."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        owner.button("Commit a supply").click()
        owner.page.locator("dialog[open] option").first.wait_for(state="attached")
        owner.fill(amount="2")
        with owner.page.expect_response(_made) as made:
            owner.confirm()
        place = f".steps a[href='#/supplies/{made.value.json()['id']}'] ~ .status"
        owner.page.locator(f"{place}:not(:has-text('pending'))").wait_for()
        if owner.page.locator(place).text_content() == "active":
            return
    raise AssertionError("no supply became active")
