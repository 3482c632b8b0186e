"""Get the console's script or style sheet, as bundled by the set-up or the image build."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from schemas.site import GetConsoleFile
from shared.domain.errors import NotFound
from shared.domain.permissions import Caller
from shared.runtime.operation import PUBLIC, http
from shared.triggers.page import page
from shared.triggers.reply import Reply

CACHE_SECONDS = 60
BUNDLE: Final = Path(__file__).with_name("console")
MEDIA: Final = {"console.js": "javascript", "console.css": "css"}


@http("GET", "//console/{file}", permission=PUBLIC, shared=True, request=GetConsoleFile, media="text/*")
def get_console_file(request: GetConsoleFile, caller: Caller | None) -> Reply:
    if request.file not in MEDIA or not (BUNDLE / request.file).exists():
        raise NotFound("There is no such file.")
    return page(_text(request.file), MEDIA[request.file], CACHE_SECONDS, trusted_types=True)


@cache
def _text(name: str) -> str:
    return (BUNDLE / name).read_text(encoding="utf-8")
