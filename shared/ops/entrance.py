"""How an operator's command begins: on the store and keys that the environment names, or not at all."""

from __future__ import annotations

import sys
from collections.abc import Callable

from shared.settings import NothingNamed, require_named


def run(main: Callable[[list[str]], int], *others: str) -> int:
    """The exit status of the command; 1 with a sentence where nothing leads to a store, and none of `others` is set."""
    arguments = sys.argv[1:]
    try:
        if not {"-h", "--help"} & {*arguments}:
            require_named(*others)
        return main(arguments)
    except NothingNamed as error:
        sys.stderr.write(f"{error}\n")
        return 1
