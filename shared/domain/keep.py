"""The value of an argument that means "do not change", for arguments where None is a possible value."""

from __future__ import annotations

from enum import Enum
from typing import Final


class Keep(Enum):
    """The type of KEEP."""

    KEEP = "keep"


KEEP: Final = Keep.KEEP
