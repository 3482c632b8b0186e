"""Run an operator's command, after checking that the environment names the store and keys to use."""

from __future__ import annotations

import sys
from collections.abc import Callable

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
