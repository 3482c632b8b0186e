"""Generate functions/site/errors.html, the target of an error's `doc_url`: each code with its status and meaning."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from html import escape

from schemas.contract.responses import DESCRIPTIONS
from shared.domain.errors import Refusal

_HEAD = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Error codes · Web3 Wallet Backend</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http:%2F%2Fwww.w3.org/2000/svg' viewBox='0 0\
 16 16'%3E%3Crect width='16' height='16' rx='4' fill='%232f6f5e'/%3E%3Cpath d='M3 5l2.5 6L8 6l2.5 5L\
13 5' fill='none' stroke='%23fff' stroke-width='1.6' stroke-linejoin='round' stroke-linecap='round'/\
%3E%3C/svg%3E">
<link rel="stylesheet" href="/docs/site.css">
</head>
<body class="errors">
<nav class="home"><a href="/">Web3 Wallet Backend</a></nav>
<main>
<h1>Error codes</h1>
<p>Every error holds one of these as its <code>code</code>, which is what programs act on. Its <code>data</code>
explains the single case, its <code>details</code> name fields, and its <code>request_id</code> finds the request in
the logs.</p>
"""
_TAIL = "</main>\n</body>\n</html>\n"


def page(refusals: Iterable[type[Refusal]]) -> str:
    """The complete page, as `make generate` writes it."""
    kinds: dict[str, list[type[Refusal]]] = {}
    for kind in refusals:
        kinds.setdefault(kind.code, []).append(kind)
    sections = "".join("".join(_section(code, found)) for code, found in sorted(kinds.items()))
    return f"{_HEAD}{sections}{_TAIL}"


def _section(code: str, kinds: list[type[Refusal]]) -> Iterator[str]:
    yield f'<section id="{code}">\n<h2><a href="#{code}">{code}</a></h2>\n'
    texts = [kind.message for kind in kinds] + [text for kind in kinds if (text := _more(kind))]
    for text in dict.fromkeys(texts):
        yield f"<p>{_marked(text)}</p>\n"
    for status in sorted({kind.status for kind in kinds}):
        said = DESCRIPTIONS.get(status, "")
        yield f'<p class="status"><b>{status}</b> {_marked(said)}</p>\n'
    yield "</section>\n"


def _more(kind: type[Refusal]) -> str:
    """The first paragraph of the class's docstring."""
    own = kind.__doc__ if kind is not Refusal else None
    return " ".join(inspect.cleandoc(own).split("\n\n")[0].split()) if own else ""


def _marked(text: str) -> str:
    """Text with its `code` marked up."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))
