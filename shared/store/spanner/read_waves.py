"""Waves of reads: independent reads are sent together, on threads that a database keeps for this."""

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
    """Runs waves of reads. Safe for threads. Its methods raise the store's errors."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=32, thread_name_prefix="spanner-read")

    def first(self, source: Any, reads: Sequence[Read]) -> list[list[Row]]:
        """Run the first wave. Its first read begins the transaction; the client holds the others back until then.

        Sent together, the others would wait 30 s if the begin is aborted in another thread.
        """
        return self.wave(source, reads[:1]) + (self.wave(source, reads[1:]) if len(reads) > 1 else [])

    def wave(self, source: Any, reads: Sequence[Read]) -> list[list[Row]]:
        """Run independent reads of one snapshot or transaction together."""
        return self.together([partial(codec.rows, source, read) for read in reads])

    def together(self, calls: Sequence[Callable[[], list[Row]]]) -> list[list[Row]]:
        """Run the calls at the same time, the first one on this thread."""
        try:
            context = contextvars.copy_context()
            others = [self._threads.submit(context.copy().run, call) for call in calls[1:]]
            return [calls[0](), *(other.result() for other in others)]
        except Exception as error:
            raise translate(error, committing=False, rerun=True) from error
