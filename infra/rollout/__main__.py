"""`python -m infra.rollout`."""

from __future__ import annotations

import sys

from infra.rollout.command import main

sys.exit(main(sys.argv[1:]))
