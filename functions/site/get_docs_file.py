"""Get a script, a style sheet or another page of the site; only listed files are served."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from schemas.site import GetDocsFile
from shared.domain.errors import NotFound
from shared.domain.permissions import Caller
from shared.runtime.operation import PUBLIC, http
from shared.triggers.page import page
from shared.triggers.reply import Reply

CACHE_SECONDS = 3600
OWN: Final = ("docs.js", "site.css", "errors.html")
# Swagger UI, inside of a package that is never imported (docs/decisions/0021-swagger-ui-for-the-reference.md).
PACKAGE: Final = "flask_openapi_swagger"
SWAGGER: Final = {
    "swagger-ui-bundle.js": "templates/swagger/js/swagger-ui-bundle.js",
    "swagger-ui.css": "templates/swagger/css/swagger-ui.css",
}
MEDIA: Final = {".js": "javascript", ".css": "css", ".html": "html"}


@http("GET", "//docs/{file}", permission=PUBLIC, shared=True, request=GetDocsFile, media="text/*")
def get_docs_file(request: GetDocsFile, caller: Caller | None) -> Reply:
    if request.file not in (*OWN, *SWAGGER):
        raise NotFound("There is no such file.")
    return page(_text(request.file), MEDIA[Path(request.file).suffix], CACHE_SECONDS)


@cache
def _text(name: str) -> str:
    """The content of a listed file. The largest, Swagger's script, has 1.7 MB."""
    if name in OWN:
        return Path(__file__).with_name(name).read_text(encoding="utf-8")
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"{PACKAGE}, which requirements.txt pins, is not installed")
    return (Path(spec.origin).parent / SWAGGER[name]).read_text(encoding="utf-8")
