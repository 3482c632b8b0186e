"""Waves of reads: independent ones go out together, on threads that a database keeps for that."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from shared.store.port import Read, Row
from shared.store.spanner import codec
from shared.store.spanner.errors import translate


class ReadWaves:
    """Safe for threads. Its methods raise the store's errors."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=32, thread_name_prefix="spanner-read")

    def first(self, source: Any, reads: Sequence[Read]) -> list[list[Row]]:
        """The first read begins the transaction; the client holds the others back until it has, anyway.

        Sent together, they would wait 30 s for a begin that was aborted in another thread."""
        return self.wave(source, reads[:1]) + (self.wave(source, reads[1:]) if len(reads) > 1 else [])

    def wave(self, source: Any, reads: Sequence[Read]) -> list[list[Row]]:
        """Reads of one snapshot or transaction."""
        return self.together([partial(codec.rows, source, read) for read in reads])

    def together(self, calls: Sequence[Callable[[], list[Row]]]) -> list[list[Row]]:
        """Run the calls at once, the first on this thread."""
        try:
            context = contextvars.copy_context()
            others = [self._threads.submit(context.copy().run, call) for call in calls[1:]]
            return [calls[0](), *(other.result() for other in others)]
        except Exception as error:
            raise translate(error, committing=False, rerun=True) from error
