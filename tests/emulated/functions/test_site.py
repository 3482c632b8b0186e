"""The site's pages: what they may load, what they consist of, and what a cache may keep."""

from __future__ import annotations

import re

import pytest

from functions.site import get_docs_file
from tests.support.inprocess import App

PAGES = ("//", "//docs", "//docs/errors.html")
FILES = ("docs.js", "site.css", "errors.html", "swagger-ui-bundle.js", "swagger-ui.css")
POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "form-action 'none'",
}


def test_the_list_of_files_is_closed() -> None:
    assert {*get_docs_file.OWN, *get_docs_file.SWAGGER} == set(FILES)


@pytest.mark.parametrize("path", ["//", "//docs", *(f"//docs/{name}" for name in FILES)])
def test_pages_and_files_carry_the_policy_and_may_be_kept(app: App, path: str) -> None:
    answer = app.call("GET", path)
    assert answer.status == 200
    assert {part.strip() for part in answer.headers["Content-Security-Policy"].split(";")} == POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert re.fullmatch(r"public, max-age=\d+", answer.headers["Cache-Control"])
    kind = "javascript" if path.endswith(".js") else "css" if path.endswith(".css") else "html"
    assert answer.headers["Content-Type"] == f"text/{kind}; charset=utf-8"


@pytest.mark.parametrize(
    "name", ["get_docs.py", "docs.html", "..", "..%2fget_docs.py", "Docs.js", "docs.js ", "x" * 5000, "\0"]
)
def test_no_other_file_is_given(app: App, name: str) -> None:
    answer = app.call("GET", f"//docs/{name}")
    assert (answer.status, answer.code) == (404, "NOT_FOUND")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_names_what_it_loads_by_path_and_all_of_it_is_served(app: App, path: str) -> None:
    text = app.call("GET", path).text
    found = [
        link for link in re.findall(r'(?:src|href)="([^"]*)"', text) if not link.startswith(("data:", "#"))
    ]
    assert 'rel="icon"' in text, "a browser would ask for one that is not there"
    assert found and all(re.match(r"/(?!/)", link) for link in found), found
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", text), "the policy stops it"
    for link in found:
        if link != "/ready":  # the process serves this, not an operation
            assert app.call("GET", f"/{link}").status == 200, link


def test_an_error_leads_to_where_its_code_is_explained(app: App) -> None:
    error = app.call("GET", "/events?types=order.nothing", user="usr_1").body["error"]
    page, _, anchor = error["doc_url"].partition("#")
    assert f'id="{anchor}"' in app.call("GET", f"/{page}").text
    assert anchor == error["code"]


@pytest.mark.parametrize("name", get_docs_file.OWN)
def test_our_own_files_name_no_other_host(app: App, name: str) -> None:
    assert "//" not in re.sub(r"(?m)(^|\s)//\s.*$", "", app.call("GET", f"//docs/{name}").text)
