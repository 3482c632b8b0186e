"""Run an operator's command: check that the environment names the store and keys to use, and act as the system."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared.domain.permissions import Caller
from shared.runtime.clock import new_id
from shared.runtime.context import Context, deadline_in, running
from shared.settings import NothingNamed, require_named


def run(main: Callable[[list[str]], int], *others: str) -> int:
    """Returns the exit status; 1, with a message, if the environment names no store and sets none of `others`."""
    arguments = sys.argv[1:]
    try:
        if not {"-h", "--help"} & {*arguments}:
            require_named(*others)
        return main(arguments)
    except NothingNamed as error:
        sys.stderr.write(f"{error}\n")
        return 1


@contextmanager
def as_system(command: str, seconds: float) -> Iterator[None]:
    """Run the block as the system, for at most `seconds`. The audit log shows `command` as the action."""
    with running(Context(command, new_id("req"), deadline_in(seconds), caller=Caller.of_system())):
        yield
