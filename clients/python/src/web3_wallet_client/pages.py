"""Lists, page by page or item by item; the first request is sent when the first page or item is taken."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any, Generic, Protocol, TypeVar

from web3_wallet_client.calls import Call


class HasItems(Protocol):
    """A page: its items, and the next page's cursor (None on the last page)."""

    @property
    def items(self) -> list[Any]: ...
    @property
    def next_cursor(self) -> str | None: ...


P = TypeVar("P", bound=HasItems)
T = TypeVar("T")


def _behind(call: Call[P], page: P) -> Call[P] | None:
    """The call for the page after this one."""
    if page.next_cursor is None:
        return None
    return replace(call, query={**call.query, "cursor": page.next_cursor})


class Pages(Generic[P, T]):
    """`for item in …` iterates over all pages; `page()` returns only the first page, `pages()` iterates over pages."""

    def __init__(self, run: Callable[[Call[P]], P], call: Call[P]) -> None:
        self._run, self._call = run, call

    def page(self) -> P:
        """The first page; its `next_cursor` is the cursor of the next page."""
        return self._run(self._call)

    def pages(self) -> Iterator[P]:
        call: Call[P] | None = self._call
        while call is not None:
            page = self._run(call)
            yield page
            call = _behind(call, page)

    def __iter__(self) -> Iterator[T]:
        for page in self.pages():
            yield from page.items


class AsyncPages(Generic[P, T]):
    """`async for item in …` iterates over all pages; `await page()` returns only the first page, `pages()` iterates
    over pages."""

    def __init__(self, run: Callable[[Call[P]], Awaitable[P]], call: Call[P]) -> None:
        self._run, self._call = run, call

    async def page(self) -> P:
        """The first page; its `next_cursor` is the cursor of the next page."""
        return await self._run(self._call)

    async def pages(self) -> AsyncIterator[P]:
        call: Call[P] | None = self._call
        while call is not None:
            page = await self._run(call)
            yield page
            call = _behind(call, page)

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for item in page.items:
                yield item
