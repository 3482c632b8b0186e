"""Get the landing page with links to everything else."""

from __future__ import annotations

from pathlib import Path

from shared.domain.permissions import Caller
from shared.runtime.operation import PUBLIC, http
from shared.triggers.page import page
from shared.triggers.reply import Reply

CACHE_SECONDS = 300


@http("GET", "//", permission=PUBLIC, shared=True, media="text/html")
def get_landing(caller: Caller | None) -> Reply:
    text = Path(__file__).with_name("landing.html").read_text(encoding="utf-8")
    return page(text, "html", CACHE_SECONDS)
