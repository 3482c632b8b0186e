"""Get the console: a web page for users and operators, which loads everything from this origin."""

from __future__ import annotations

from pathlib import Path

from shared.domain.permissions import Caller
from shared.runtime.operation import PUBLIC, http
from shared.triggers.page import page
from shared.triggers.reply import Reply

CACHE_SECONDS = 60
BUNDLED = Path(__file__).with_name("console") / "console.js"


@http("GET", "//console", permission=PUBLIC, shared=True, media="text/html")
def get_console(caller: Caller | None) -> Reply:
    name = "console.html" if BUNDLED.exists() else "console_missing.html"
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    return page(text, "html", CACHE_SECONDS, trusted_types=True)
