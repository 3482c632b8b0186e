"""Resume a lane that was paused for lack of funds, without waiting for the next balance check.

A lane that is paused for another reason (a foreign transaction used its nonces, or the database was restored) stays
paused until that is resolved: 409 LANE_PAUSED.
"""

from __future__ import annotations

from schemas.operators import LaneView, ResumeLane
from shared.domain.permissions import Caller
from shared.domain.transactions import lanes
from shared.runtime.operation import http
from shared.store.tables.transactions import LANES
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http(
    "POST",
    "/admin/lanes/{lane_id}/resume",
    permission="admin:replace",
    request=ResumeLane,
    answer=LaneView,
)
def resume_lane(request: ResumeLane, caller: Caller) -> LaneView:
    return commit(_resume, request)


def _resume(unit: UnitOfWork, request: ResumeLane) -> LaneView:
    lane = unit.one(LANES.get(request.lane_id))
    unit.match(lane)
    resumed = lanes.resumed_by_hand(lane, unit.now)
    if resumed != lane:
        unit.write(resumed)
    unit.audit(lane.address, before={"paused_reason": lane.paused_reason}, after={"paused_reason": None})
    return LaneView.of(resumed)
