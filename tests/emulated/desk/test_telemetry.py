"""One trace from the request over the outbox and Pub/Sub to the reaction; and the metrics of a day at the desk."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared import resources
from shared.domain.webhooks.lanes import new_lane
from shared.runtime import cloud_event
from shared.store.tables import system
from shared.store.tables.system import DeadLetter
from shared.store.tables.webhooks import LANES
from shared.telemetry import tracing
from tests.emulated.desk.world import Desk
from tests.support.collected_telemetry import Metrics, measured, traced
from tests.support.inprocess import command

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
GIVEN = f"00-{TRACE}-00f067aa0ba902b7-01"


def trace_of(envelope: object) -> tracing.TraceParent:
    assert isinstance(envelope, dict)
    found = tracing.parse(envelope.get("traceparent"))
    assert found is not None
    return found


def test_a_trace_goes_from_the_request_to_the_reaction(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    user = desk.person()
    desk.wallet(user, ether=3)
    body = {"currency": "ETH", "amount": "2"}
    made = desk.app.ok(201, "POST", "/supplies", body, user=user, headers={"traceparent": GIVEN})
    created = desk.envelope("supply.created", made["id"])
    assert trace_of(created).trace_id == TRACE
    assert trace_of(created).span_id not in GIVEN

    attributes = cloud_event.attributes(created)
    assert attributes["ce-traceparent"] == created["traceparent"]
    assert desk.app.push("on_supply_created", created, attributes=attributes).status == 204
    activated = desk.envelope("supply.activated", made["id"])
    assert trace_of(activated).trace_id == TRACE
    assert trace_of(activated).span_id != trace_of(created).span_id


def test_a_command_goes_on_with_its_senders_trace(desk: Desk) -> None:
    user = desk.person()
    desk.wallet(user, ether=3)
    sent = command("supply.create", user, {"currency": "ETH", "amount": "2"})
    attributes = {"ce-type": "supply.create", "ce-traceparent": GIVEN}
    assert desk.app.push("create_supply", sent, attributes=attributes).status == 204
    (created,) = [e for e in desk.outbox() if e["type"] == "supply.created"]
    assert trace_of(created).trace_id == TRACE


@pytest.mark.parametrize("header", ["", "00-0-0-0", f"00-{'0' * 32}-00f067aa0ba902b7-01"])
def test_a_malformed_trace_is_replaced_not_refused(desk: Desk, header: str) -> None:
    user = desk.person()
    desk.wallet(user, ether=3)
    attributes = {"ce-type": "supply.create", "ce-traceparent": header}
    sent = command("supply.create", user, {"currency": "ETH", "amount": "2"})
    assert desk.app.push("create_supply", sent, attributes=attributes).status == 204
    (created,) = [e for e in desk.outbox() if e["type"] == "supply.created"]
    assert trace_of(created).trace_id != TRACE


def test_the_spans_of_a_sampled_request_show_where_its_time_goes(desk: Desk) -> None:
    user = desk.person()
    desk.wallet(user, ether=3)
    with traced() as exporter:
        desk.supply(user)
        order = desk.order(user)
        assert exporter.get_finished_spans() == (), "nothing asked for this trace to be kept"
        desk.app.ok(200, "GET", f"/orders/{order['id']}", user=user, headers={"traceparent": GIVEN})
        desk.app.ok(200, "GET", "/wallets", user=user, headers={"traceparent": GIVEN})
        body = {"currency": "ETH", "amount": "1"}
        desk.app.ok(201, "POST", "/supplies", body, user=user, headers={"traceparent": GIVEN})
        spans = exporter.get_finished_spans()
    assert {f"{span.context.trace_id:032x}" for span in spans} == {TRACE}
    names = {span.name for span in spans}
    assert {"get_order", "list_wallets", "create_supply", "firestore", "spanner.Read"} <= names
    assert {"spanner.Commit", "pubsub.publish"} <= names
    by_id = {span.context.span_id: span for span in spans}
    inner = [span for span in spans if span.name.startswith(("spanner", "firestore", "pubsub"))]
    assert all(span.parent is not None and span.parent.span_id in by_id for span in inner)
    assert user not in json.dumps([dict(span.attributes or {}) for span in spans])


def test_calls_to_a_node_are_spans_without_its_address(desk: Desk) -> None:
    user = desk.person()
    wallet = desk.wallet(user, ether=3)
    path = f"/wallets/{wallet}/balance"
    with traced() as exporter:
        desk.app.ok(200, "GET", path, user=user, headers={"traceparent": GIVEN})
        calls = [span for span in exporter.get_finished_spans() if span.name.startswith("rpc ")]
    assert calls
    assert {(span.attributes or {})["endpoint"] for span in calls} == {"local#0"}
    assert "127.0.0.1" not in json.dumps([dict(span.attributes or {}) for span in calls])


def count(found: Metrics, name: str, **labels: str) -> float:
    return found.value(name, **labels) or 0


def test_a_claim_is_counted_by_outcome_code_and_event(desk: Desk) -> None:
    shopper, first, second = desk.shopper(), desk.claimer(), desk.claimer()
    order = desk.order(shopper)
    with measured() as found:
        desk.claimed(first, order["id"])
        assert desk.claim(second, order["id"]).code == "ORDER_ALREADY_CLAIMED"
        desk.get(f"/orders/{order['id']}", shopper)
        desk.app.ok(200, "GET", f"/orders/{order['id']}", user=shopper)
        desk.app.ok(200, "GET", f"/orders/{order['id']}", user=shopper)
        run = {"operation": "claim_order", "trigger": "http"}
        assert count(found, "wallet_runs_total", **run, status="201") == 1
        assert count(found, "wallet_runs_total", **run, status="409") == 1
        assert count(found, "wallet_run_seconds", **run) == 2
        refused = {"operation": "claim_order", "code": "ORDER_ALREADY_CLAIMED"}
        assert count(found, "wallet_refusals_total", **refused) == 1
        assert count(found, "wallet_events_total", type="claim.claimed") == 1
        reads = {
            outcome: count(found, "wallet_cache_reads_total", kind="orders", outcome=outcome)
            for outcome in ("hit", "miss", "bypass")
        }
    assert reads["bypass"] == 1
    assert reads["hit"] >= 1
    assert sum(reads.values()) == 3


def test_a_settlement_is_timed_once_and_the_engine_says_what_is_in_flight(desk: Desk) -> None:
    user = desk.person("shopper")
    desk.imported(user, ether=10)
    desk.supply(user, "2")
    claimer = desk.claimer()
    claim = desk.claimed(claimer, desk.order(user)["id"])
    desk.process(user, claim["id"])
    with measured() as found:
        desk.app.schedule("tick_chain")  # sends it
        desk.app.schedule("tick_chain")  # finds it without an outcome, whatever it writes then
        assert count(found, "wallet_inflight_transactions", chain="local") == 1
        assert count(found, "wallet_inflight_oldest_seconds", chain="local") > 0
        assert desk.drive(claim["id"], claimer)["status"] == "processed"
        desk.app.schedule("tick_chain")
        assert count(found, "wallet_settlement_seconds", chain="local") == 1
        assert (
            count(found, "wallet_rpc_calls_total", chain="local", endpoint="local#0", outcome="answered") > 0
        )
        paused = found.value("wallet_lanes_paused", chain="local", reason="FUNDS_BLOCKED")
    assert paused == 0


def test_the_backlog_is_what_waits(desk: Desk) -> None:
    with measured() as found:
        assert desk.app.schedule("measure_backlog").status == 204
        assert found.value("wallet_outbox_oldest_seconds") == 0
        assert found.value("wallet_dead_letters") == 0
        assert found.value("wallet_lane_depth", chain="local") == 0
        assert found.value("wallet_webhook_lanes_due") == 0
        assert found.value("wallet_webhook_lanes_oldest_seconds") == 0

    then = datetime.now(UTC) - timedelta(minutes=5)
    letter = DeadLetter("dlq_1", "c", "t", "r", "", {}, "new", 1, then, then)
    event = system.OutboxRow(3, then, 0, "evt_1", "order-events", {"subject": "x"}, 0)
    late = replace(new_lane("whk_late", "usr_1", then, then), due_at=then)
    soon = new_lane("whk_soon", "usr_1", datetime.now(UTC), then)
    rows = [system.DEAD_LETTERS.write("insert", letter), system.OUTBOX.write("insert", event)]
    rows += [LANES.write("insert", lane) for lane in (late, soon)]
    resources.database().write(rows)
    with resources.override(database=_Strong(resources.database())), measured() as found:
        assert desk.app.schedule("measure_backlog").status == 204
        assert 299 < (found.value("wallet_outbox_oldest_seconds") or 0) < 400
        assert found.value("wallet_dead_letters") == 1
        assert found.value("wallet_webhook_lanes_due") == 1
        assert 299 < (found.value("wallet_webhook_lanes_oldest_seconds") or 0) < 400


class _Strong:
    """The database without staleness: the rows were written a moment ago."""

    def __init__(self, database: object) -> None:
        self._database = database

    def snapshot(self, *, staleness: float | None = None, consistent: bool = False) -> object:
        return self._database.snapshot(consistent=consistent)  # type: ignore[attr-defined]


def test_no_log_line_of_a_run_has_a_secret_or_a_query(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "shared")
    user = desk.person()
    token = desk.app.token(user)
    answer = desk.app.call("GET", "/orders?cursor=very-private", user=user)
    assert answer.status in {400, 422}
    text = "\n".join(json.dumps(vars(record), default=str) for record in caplog.records)
    assert "served" in text
    assert "very-private" not in text
    assert token not in text
