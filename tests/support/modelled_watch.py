"""Watch a long simulated run part by part: what waits, how long each step takes, and the memory of this process."""

from __future__ import annotations

import gc
import os
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.modelled import Scale
from tests.support.modelled_store import FINAL, WINDOW

STEPS = {"submitted": "sent", "confirmed": "confirmed", FINAL: "final"}


@dataclass
class Part:
    """One window of the run: the most that waited at a time, and MiB at its end."""

    unsent: int = 0
    unmined: int = 0
    memory: float = 0.0


@dataclass
class Watch:
    """`look` is called before each pass."""

    scale: Scale
    parts: defaultdict[int, Part] = field(default_factory=lambda: defaultdict(Part))
    _last: int = 0

    def look(self) -> None:
        """Note what waits now; at the end of a window, also the memory."""
        number = int(self.scale.time.now_seconds / WINDOW)
        if number > self._last:
            gc.collect()
            self.parts[self._last].memory = memory()
            print(f"    {self.line(self._last)}", flush=True)
            self._last = number
        part, lives = self.parts[number], self.scale.lives
        part.unsent, part.unmined = max(part.unsent, lives.unsent), max(part.unmined, lives.unmined)

    def took(self, number: int, stage: str, share: float) -> float:
        """The seconds since acceptance within which this share of the transactions that reached a stage in a window
        did so; 0 if there are none."""
        found = sorted(self.scale.lives.seconds[number, stage])
        return found[min(len(found) - 1, int(share * len(found)))] if found else 0.0

    def line(self, number: int) -> str:
        """One window in words."""
        part = self.parts[number]
        steps = ", ".join(
            f"{said} {self.took(number, stage, 0.5):.1f} s ({self.took(number, stage, 0.99):.1f})"
            for stage, said in STEPS.items()
        )
        until = (number + 1) * WINDOW / 60
        return (
            f"until minute {until:.0f}: at most {part.unsent:,} unsent and {part.unmined:,} without a block; "
            f"median (99 %) until {steps}; {part.memory:.0f} MiB"
        )


def memory() -> float:
    """MiB of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
