"""A process that drives the chain's transactions until it is killed.

It is forked from a server that has imported everything and has no connections, so that each process starts fast.
"""

from __future__ import annotations

import multiprocessing
from multiprocessing.process import BaseProcess

from shared import resources
from shared.domain.permissions import Caller
from shared.engine import tick
from shared.runtime import crash_points
from shared.runtime.context import Context, deadline_in, running
from shared.settings import Settings
from tests.emulated.conftest import Recorder


def started(chosen: Settings, point: str = "") -> BaseProcess:
    """Start it; it dies at this crash point (shared/runtime/crash_points.py)."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=_drive, args=(chosen, point))
    process.start()
    return process


def _drive(chosen: Settings, point: str) -> None:
    context = Context("tick_chain", "req", deadline_in(120))
    context.caller = Caller.of_system()
    with resources.override(fresh=True, settings=chosen, publisher=Recorder()), running(context):
        crash_points.arm(point)
        while True:
            tick.run_pass("local")
