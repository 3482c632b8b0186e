"""Single important histories: mined transactions decide, and a node's answer never does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.errors import InvalidState
from shared.domain.transactions import acceptance, attempts, lanes, schedule
from shared.domain.transactions import outcome as outcome_rules
from shared.domain.transactions.acceptance import Intent, PaymentOf
from shared.domain.transactions.attempts import Plan, ReplacementTooCheap
from shared.domain.transactions.evidence import TRANSFER_TOPIC, Log, Receipt, transfer_logged
from shared.domain.transactions.fees import FeeCapReached, FeeCaps, Fees
from shared.domain.transactions.outcome import NotEvidence
from shared.domain.transactions.states import TERMINAL, TRANSITIONS, State, public_status
from shared.domain.transactions.transactions import (
    Attempt,
    AttemptConflict,
    SettlementTransaction,
    Transaction,
)

GWEI = 10**9
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SENDER, TARGET, TOKEN = ("0x" + digit * 20 for digit in ("a1", "b2", "c3"))
CAPS = FeeCaps(500 * GWEI, 100 * GWEI)
MARKET = Fees(4 * GWEI, GWEI)


def nonced(*, tenant: str = "usr_1", token: bool = False, committed_gas: int = 10**16) -> Transaction:
    intent = Intent("wal_1", "usr_1", "local", SENDER, TARGET, value=1)
    if token:
        intent = replace(
            intent,
            to=TOKEN,
            value=0,
            token_address=TOKEN,
            token_recipient=TARGET,
            token_amount=70,
            data=b"",
            gas=60_000,
        )
    payment = PaymentOf("clm_1", "alc_1", 1) if tenant == "settlement" else None
    accepted = acceptance.accept(
        intent, "txn_1", tenant, "k", NOW, committed_value=1, committed_gas=committed_gas, payment=payment
    )
    lane = lanes.open_lane("local", SENDER, latest=0, pending=0, finalized=0, now=NOW)
    return lanes.allocate(lane, [accepted], 16, NOW)[1][0]


def signed(transaction: Transaction, latest: Attempt | None = None) -> tuple[Transaction, Attempt]:
    plan = attempts.plan(transaction, latest, MARKET, CAPS, noop_gas=21_000)
    return attempts.persist(
        transaction,
        plan,
        latest,
        NOW,
        raw=b"raw",
        tx_hash=f"0xhash{transaction.attempt_count + 1}",
        expected_attempts=transaction.attempt_count,
    )


def sent(transaction: Transaction, attempt: Attempt, outcome: attempts.SendOutcome = "sent"):
    return attempts.record_send(transaction, attempt, outcome, NOW, 1.0)


def receipt_of(
    attempt: Attempt, *, success: bool = True, logs: tuple[Log, ...] = (), block: str = "0xb"
) -> Receipt:
    return Receipt(attempt.hash, block, 9, success, 21_000, GWEI, None, logs)


def outcome(transaction: Transaction, attempt: Attempt, receipt: Receipt) -> Transaction:
    mined = outcome_rules.mined(transaction, attempt, receipt, NOW, 1.0)
    return outcome_rules.conclude(mined, attempt, receipt, NOW, 1.0)


def transfer_log(amount: int = 70, sender: str = SENDER, token: str = TOKEN) -> Log:
    topics = (TRANSFER_TOPIC, "0x" + sender[2:].rjust(64, "0"), "0x" + TARGET[2:].rjust(64, "0"))
    return Log(token, topics, f"0x{amount:064x}", 0)


@pytest.mark.parametrize("answer", ["ambiguous", "sent", "known"])
def test_any_answer_but_a_refusal_means_submitted(answer) -> None:
    transaction, attempt = signed(nonced())
    transaction, attempt, step = sent(transaction, attempt, answer)
    assert (transaction.state, step, attempt.send_count) == ("submitted", "wait", 1)
    assert transaction.next_action_at > NOW


@pytest.mark.parametrize(("answer", "step"), sorted(attempts.STEPS.items()))
def test_no_answer_changes_the_nonce_or_ends_the_transaction(answer, step) -> None:
    transaction, attempt = signed(nonced())
    after, _, asked = sent(transaction, attempt, answer)
    assert (after.nonce, after.terminal, asked) == (0, False, step)
    assert after.state == "submitted"


def test_the_attempt_that_is_mined_decides_over_a_wanted_cancel() -> None:
    transaction, payload = signed(nonced())
    transaction, payload, _ = sent(transaction, payload)
    transaction = attempts.undo(transaction, "cancelled", NOW)
    assert transaction.cancel_requested
    transaction, noop = signed(transaction, payload)
    assert (noop.kind, noop.gas) == ("noop", 21_000)
    assert outcome(transaction, payload, receipt_of(payload)).state == "confirmed"
    assert outcome(transaction, noop, receipt_of(noop)).state == "cancelled"


@pytest.mark.parametrize(("wish", "state"), [("expired", "expired"), ("rejected", "rejected")])
def test_a_noop_ends_in_what_it_was_wanted_for(wish, state) -> None:
    transaction = attempts.undo(nonced(), wish, NOW)
    assert transaction.state == "nonced"  # the nonce is filled, never given back
    transaction, noop = signed(transaction)
    assert noop.kind == "noop"
    assert outcome(transaction, noop, receipt_of(noop)).state == state


def test_bytes_no_node_takes_are_replaced_by_a_noop_and_end_rejected() -> None:
    transaction, payload = signed(nonced())
    transaction, payload, step = sent(transaction, payload, "unsendable")
    assert (step, transaction.undo_state) == ("undo", "rejected")
    transaction, noop = signed(transaction, payload)
    done = outcome(transaction, noop, receipt_of(noop))
    assert (done.state, done.error) == ("rejected", "REJECTED_BY_NODE")


def test_without_a_nonce_it_simply_ends() -> None:
    accepted = replace(nonced(), state="accepted", nonce=None)
    ended = attempts.undo(accepted, "rejected", NOW, error="SIMULATION_FAILED", message="no entry")
    assert (ended.state, ended.finalized, ended.next_action_at) == ("rejected", True, None)


def test_a_failed_call_is_reverted() -> None:
    transaction, attempt = signed(nonced())
    done = outcome(transaction, attempt, receipt_of(attempt, success=False))
    assert (done.state, done.error) == ("reverted", "EXECUTION_REVERTED")


@pytest.mark.parametrize(
    ("tenant", "logs", "state", "error"),
    [
        ("settlement", (transfer_log(),), "confirmed", None),
        ("settlement", (), "reverted", "NO_TRANSFER_EVIDENCE"),
        ("settlement", (transfer_log(69),), "reverted", "NO_TRANSFER_EVIDENCE"),
        ("settlement", (transfer_log(sender=TARGET),), "reverted", "NO_TRANSFER_EVIDENCE"),
        ("settlement", (transfer_log(token=TARGET),), "reverted", "NO_TRANSFER_EVIDENCE"),
        ("usr_1", (), "confirmed", None),
    ],
)
def test_a_token_payout_counts_only_with_its_transfer_log(tenant, logs, state, error) -> None:
    transaction, attempt = signed(nonced(tenant=tenant, token=True))
    done = outcome(transaction, attempt, receipt_of(attempt, logs=logs))
    assert (done.state, done.error) == (state, error)


def test_transfer_evidence_ignores_case_but_not_shape() -> None:
    upper = replace(transfer_log(), address=TOKEN.upper().replace("X", "x"))
    assert transfer_logged((upper,), TOKEN, SENDER.upper().replace("X", "x"), TARGET, 70)
    nft = replace(transfer_log(), topics=(*transfer_log().topics, "0x" + "46".rjust(64, "0")), data="0x")
    assert not transfer_logged((nft,), TOKEN, SENDER, TARGET, 70)


def test_a_terminal_state_goes_back_when_its_block_is_gone_until_it_is_final() -> None:
    transaction, attempt = signed(nonced())
    done = outcome(transaction, attempt, receipt_of(attempt, success=False))
    back = outcome_rules.reorged(done, attempt, NOW)
    assert (back.state, back.error, back.gas_used, back.mined_block_hash) == ("submitted", None, None, None)
    assert (back.hash, back.nonce, back.next_action_at) == (attempt.hash, 0, NOW)
    final = outcome_rules.finalize(done, 9, NOW)
    assert (final.finalized, final.next_action_at) == (True, None)
    assert outcome_rules.finalize(final, 9, NOW) is final
    with pytest.raises(InvalidState):
        outcome_rules.reorged(final, attempt, NOW)
    with pytest.raises(NotEvidence):
        outcome_rules.finalize(done, 8, NOW)


def test_evidence_of_another_block_or_attempt_concludes_nothing() -> None:
    transaction, attempt = signed(nonced())
    mined = outcome_rules.mined(transaction, attempt, receipt_of(attempt), NOW, 1.0)
    assert outcome_rules.mined(mined, attempt, receipt_of(attempt), NOW, 1.0) is mined
    moved = outcome_rules.mined(mined, attempt, receipt_of(attempt, block="0xb2"), NOW, 1.0)
    assert moved.mined_block_hash == "0xb2"
    with pytest.raises(NotEvidence):
        outcome_rules.conclude(mined, attempt, receipt_of(attempt, block="0xb2"), NOW, 1.0)
    with pytest.raises(NotEvidence):
        outcome_rules.mined(
            transaction, replace(attempt, transaction_id="txn_2"), receipt_of(attempt), NOW, 1.0
        )
    with pytest.raises(NotEvidence):
        outcome_rules.mined(transaction, attempt, replace(receipt_of(attempt), hash="0xother"), NOW, 1.0)


def test_the_loser_of_a_race_gets_a_conflict_and_a_cheap_replacement_is_refused() -> None:
    transaction, attempt = signed(nonced())
    plan = Plan("payload", 21_000, attempt.fees)
    with pytest.raises(AttemptConflict):
        attempts.persist(transaction, plan, None, NOW, raw=b"", tx_hash="0x", expected_attempts=0)
    with pytest.raises(ReplacementTooCheap):
        attempts.persist(transaction, plan, attempt, NOW, raw=b"", tx_hash="0x", expected_attempts=1)


def test_a_payload_never_follows_a_noop() -> None:
    transaction, noop = signed(attempts.undo(nonced(), "cancelled", NOW))
    plan = Plan("payload", 21_000, Fees(10**12, 10**11))
    with pytest.raises(InvalidState):
        attempts.persist(transaction, plan, noop, NOW, raw=b"", tx_hash="0x", expected_attempts=1)


def test_bumps_stop_at_what_is_committed_for_gas() -> None:
    transaction, attempt = signed(nonced(committed_gas=21_000 * 5 * GWEI))
    transaction, second = signed(transaction, attempt)
    assert second.fees.per_gas * second.gas <= transaction.committed_gas
    with pytest.raises(FeeCapReached):
        signed(transaction, second)
    blocked = attempts.block(transaction, "FEE_BLOCKED", NOW, 1.0)
    assert (blocked.status, blocked.blocked_reason) == ("submitted", "FEE_BLOCKED")
    assert attempts.block(blocked, "FEE_BLOCKED", NOW, 1.0) is blocked
    assert attempts.block(blocked, None, NOW, 1.0).blocked_reason is None


def test_a_noop_that_may_take_more_gas_than_its_payload_is_not_held_to_a_lower_fee() -> None:
    """On Arbitrum gas pays for layer 1 too: a no-op's limit is 200,000, but it uses no more than a transfer."""
    transaction, attempt = signed(nonced(committed_gas=21_000 * 8 * GWEI))
    undone = attempts.undo(transaction, "cancelled", NOW)
    noop = attempts.plan(undone, attempt, MARKET, CAPS, noop_gas=200_000)
    assert (noop.kind, noop.gas) == ("noop", 200_000)
    assert noop.fees.per_gas <= 8 * GWEI
    stored, second = attempts.persist(
        undone, noop, attempt, NOW, raw=b"raw", tx_hash="0xhash2", expected_attempts=1
    )
    assert attempts.hasten(stored, second, CAPS, NOW).wants_attempt


@pytest.mark.parametrize(("tenant", "undone"), [("usr_1", True), ("settlement", False)])
def test_undoing_may_cost_what_would_have_been_sent(tenant: str, undone: bool) -> None:
    """Bumps have used up the committed gas; an allocation's value stays reserved."""
    transaction = replace(
        nonced(tenant=tenant, committed_gas=21_000 * 5 * GWEI), committed_value=21_000 * 5 * GWEI
    )
    transaction, attempt = signed(*signed(transaction))
    with pytest.raises(FeeCapReached):
        signed(transaction, attempt)
    cancelled = attempts.undo(transaction, "cancelled", NOW)
    if not undone:
        with pytest.raises(FeeCapReached):
            signed(cancelled, attempt)
        return
    _, noop = signed(cancelled, attempt)
    assert noop.fees.per_gas * noop.gas <= transaction.committed_gas + transaction.committed_value


def test_signed_bytes_are_not_shown() -> None:
    _, attempt = signed(nonced())
    assert "raw" not in repr(attempt)


def test_missing_funds_keep_the_nonce_and_pass_when_the_bytes_are_taken() -> None:
    transaction, attempt = signed(nonced())
    transaction, attempt, step = sent(transaction, attempt, "insufficient_funds")
    assert (transaction.state, transaction.status, step) == ("submitted", "submitted", "pause_lane")
    assert transaction.blocked_reason == "FUNDS_BLOCKED"
    transaction, attempt, _ = sent(transaction, attempt)
    assert (transaction.state, transaction.blocked_reason) == ("submitted", None)


def test_users_cannot_replace_a_settlement() -> None:
    with pytest.raises(SettlementTransaction):
        attempts.check_replaceable(nonced(tenant="settlement"), by_operator=False)
    attempts.check_replaceable(nonced(tenant="settlement"), by_operator=True)
    attempts.check_replaceable(nonced(), by_operator=False)
    transaction, attempt = signed(nonced())
    mined = outcome_rules.mined(transaction, attempt, receipt_of(attempt), NOW, 1.0)
    with pytest.raises(InvalidState) as refusal:
        attempts.check_replaceable(mined, by_operator=False)
    assert refusal.value.data["status"] == "mined"


@pytest.mark.parametrize("state", sorted({"mined"} | TERMINAL))
def test_what_cannot_be_replaced_says_its_state_and_what_can_be_done(state: State) -> None:
    with pytest.raises(InvalidState) as refusal:
        attempts.check_replaceable(replace(nonced(), state=state), by_operator=True)
    said = refusal.value.text
    assert said.startswith(f"The transaction is {state}, so it can be neither cancelled nor sped up: "), said
    assert said.endswith((" wait for its outcome.", " send another transaction.")), said
    assert refusal.value.data == {"status": state}


def test_a_speed_up_of_what_has_lost_its_nonce_is_refused() -> None:
    """No fee can bring its bytes into a block; before, it was accepted and did nothing."""
    transaction, attempt = signed(nonced())
    foreign = attempts.block(transaction, "FOREIGN_NONCE", NOW, 1.0)
    with pytest.raises(InvalidState, match="can only be cancelled"):
        attempts.hasten(foreign, attempt, CAPS, NOW)


def test_a_late_answer_only_marks_the_attempt() -> None:
    transaction, attempt = signed(nonced())
    mined = outcome_rules.mined(transaction, attempt, receipt_of(attempt), NOW, 1.0)
    after, marked, step = sent(mined, attempt, "nonce_too_low")
    assert after is mined
    assert (marked.last_result, step) == ("nonce_too_low", "wait")


def test_bumps_wait_for_three_blocks_and_deadlines_only_bind_what_can_be_undone() -> None:
    assert not schedule.bump_due(NOW, NOW + timedelta(seconds=5), 1.0)
    assert schedule.bump_due(NOW, NOW + timedelta(seconds=6), 1.0)
    assert not schedule.bump_due(NOW, NOW + timedelta(seconds=35), 12.0)
    due = replace(nonced(), deadline=NOW)
    assert schedule.expired(due, NOW)
    assert not schedule.expired(attempts.undo(due, "cancelled", NOW), NOW)
    assert not schedule.expired(nonced(), NOW)


@pytest.mark.parametrize(
    "state", ["held", "accepted", "nonced", "signed", "submitted", "mined", "confirmed", "reverted"]
)
@pytest.mark.parametrize("event", sorted({event for _, event in TRANSITIONS}))
def test_what_the_table_lacks_is_refused_with_the_public_status(state, event) -> None:
    transaction = replace(nonced(), state=state)
    allowed = TRANSITIONS.get((state, event), frozenset())
    for target in sorted({state for state, _ in TRANSITIONS}):
        if target in allowed:
            assert transaction.moved(event, target, NOW).version == transaction.version + 1
            continue
        with pytest.raises(InvalidState) as refusal:
            transaction.moved(event, target, NOW)
        assert refusal.value.data["status"] == public_status(state)
