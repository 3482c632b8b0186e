"""Requests for the files of the product's own pages."""

from __future__ import annotations

from schemas.base import Request


class GetConsoleFile(Request):
    """One file of the console, by its name."""

    file: str


class GetDocsFile(Request):
    """One file of the pages, by its name."""

    file: str
