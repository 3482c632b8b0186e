"""The operations of the product on the model: read, call the rule, store all results."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.domain.desk import claims, funds, orders, settlement, supplies
from shared.domain.desk.allocation import Allocation, release_all
from shared.domain.desk.claims import Claim
from shared.domain.desk.orders import Line, Order
from shared.domain.desk.settlement import Payment
from shared.domain.desk.supplies import Moved, Supply
from tests.unit.domain.desk.model import GAS, Model
from tests.unit.domain.factories import COIN, wallet


def create_supply(model: Model, owner: str, amount: int, life: int | None, activate: bool) -> None:
    made = supplies.create(
        supply_id=model.new_id("sup"),
        user_id=owner,
        wallet_id=f"wal_{owner}",
        address=f"0x{owner}",
        asset=COIN,
        amount=amount,
        expires_at=None if life is None else model.now + timedelta(minutes=life),
        now=model.now,
    )
    model.move(made)
    if activate:
        model.move(Moved(supplies.activate(made.supply, model.now), ()))


def decide_supply(model: Model, supply: Supply, rejects: bool) -> None:
    if rejects:
        after = supplies.reject(supply, "INSUFFICIENT_BALANCE", model.now)
    else:
        after = supplies.activate(supply, model.now)
    model.move(Moved(after, ()))


def update_supply(model: Model, supply: Supply, changes: dict[str, Any]) -> None:
    model.move(supplies.update(supply, model.now, **changes))


def watch_supply(model: Model, supply: Supply, balance: int) -> None:
    """The tick: a balance on the chain pauses or resumes a supply."""
    coin = funds.observe(model.pairs[supply.user_id].coin, balance, model.block, model.now)
    mine = [s for s in model.supplies.values() if s.user_id == supply.user_id]
    if supply.id in funds.underfunded(funds.FundsPair(coin), mine, 0):
        model.move(Moved(supplies.pause(supply, model.now, supplies.UNDERFUNDED), ()))
    elif supply.reason == supplies.UNDERFUNDED:
        model.move(Moved(supplies.resume(supply, model.now), ()))


def close_supply(model: Model, supply: Supply, on_time: bool) -> None:
    model.move((supplies.expire if on_time else supplies.close)(supply, model.now))


def place_order(model: Model, owner: str, cents: list[int], life: int | None) -> None:
    placed = orders.place(
        order_id=model.new_id("ord"),
        user_id=owner,
        asset=COIN,
        lines=[Line("sku", "Thing", f"{c // 100}.{c % 100:02}", 1 + c % 3) for c in cents],
        supplies=model.supplies.values(),
        note=None,
        expires_at=None if life is None else model.now + timedelta(minutes=life),
        new_id=model.new_id,
        now=model.now,
    )
    model.keep_order(placed.order)
    _returned(model, placed.allocations, placed.moves)


def end_order(model: Model, order: Order, how: str) -> None:
    rule = {"cancel": orders.cancel, "expire": orders.expire}[how]
    ended = rule(order, model.of_order(order.id), model.supplies_of(order.id), model.now)
    model.keep_order(ended.order)
    _returned(model, ended.allocations, ended.moves)


def delete_order(model: Model, order: Order) -> None:
    if order.status == "open":
        end_order(model, order, "expire" if order.expired(model.now) else "cancel")
    model.keep_order(orders.hide(model.orders[order.id], model.now))


def update_order(model: Model, order: Order, life: int | None) -> None:
    until = None if life is None else model.now + timedelta(minutes=life - 10)
    model.keep_order(orders.update(order, model.now, note=f"{life}", expires_at=until))


def claim_order(model: Model, order: Order, who: str, wallet_id: str, reads: bool) -> None:
    """Claim an order. `reads`: read the live claim although it is not necessary."""
    reads = reads or claims.must_read_holder(order, who, model.now)
    holder = model.claims[order.claim_id] if order.claim_id and reads else None
    mine = [c for c in model.claims.values() if c.user_id == who and c.status == "claimed"]
    made = claims.claim(
        order,
        holder,
        wallet(who, id=wallet_id),
        [c.lease_until for c in mine if c.lease_until],
        claim_id=model.new_id("clm"),
        now=model.now,
    )
    if made.lapsed:
        model.keep_claim(made.lapsed)
    model.keep_claim(made.claim)
    model.keep_order(made.order)


def beat_claim(model: Model, claim: Claim, epoch: int | None) -> None:
    model.keep_claim(claims.heartbeat(claim, model.orders[claim.order_id], model.now, epoch=epoch))


def end_claim(model: Model, claim: Claim, how: str, epoch: int | None) -> None:
    order = model.orders[claim.order_id]
    if how == "release":
        ended = claims.release(claim, order, model.now, epoch)
    elif how == "reject":
        ended = claims.reject(claim, order, "no", model.now)
    else:
        ended = claims.lapse(order, claim, model.now)
    model.keep_claim(ended.claim)
    model.keep_order(ended.order)
    if ended.order.status == "expired":
        _returned(
            model, *release_all(order.id, model.of_order(order.id), model.supplies_of(order.id), model.now)
        )


def process_claim(model: Model, claim: Claim, again: bool) -> None:
    order, parts = model.orders[claim.order_id], model.of_order(claim.order_id)
    if again:
        paid = model.of_claim(claim.id)
        made = settlement.retry(order, claim, paid, parts, new_id=model.new_id, now=model.now)
    else:
        made = settlement.start(order, claim, parts, new_id=model.new_id, now=model.now)
    for payment in made.payments:
        model.keep_payment(payment)
        pair = model.pairs[order.user_id]
        model.pairs[order.user_id] = funds.start_payment(pair, payment.amount, GAS, model.now)
    model.keep_order(made.order)
    model.keep_claim(made.claim)


def block_payment(model: Model, payment: Payment, reason: str | None) -> None:
    model.keep_payment(settlement.block(payment, reason, model.now))
    _concluded(model, payment.claim_id)


def pay(model: Model, payment: Payment) -> None:
    supply = model.supplies[payment.supply_id]
    effect = settlement.paid(payment, model.allocations[payment.allocation_id], supply, model.now)
    model.chain[supply.user_id] -= payment.amount
    _keep_effect(model, effect)
    model.pairs[supply.user_id] = funds.end_payment(
        model.pairs[supply.user_id], payment.amount, GAS, None, model.now
    )
    _concluded(model, payment.claim_id)


def fail(model: Model, payment: Payment, status: Any) -> None:
    owner = model.supplies[payment.supply_id].user_id
    model.keep_payment(settlement.unpaid(payment, status, "REVERTED", model.now))
    model.pairs[owner] = funds.end_payment(model.pairs[owner], payment.amount, GAS, None, model.now)
    _concluded(model, payment.claim_id)


def finalize(model: Model, payment: Payment) -> None:
    model.keep_payment(settlement.finalize(payment, model.now))
    _concluded(model, payment.claim_id)


def reorganise(model: Model, payment: Payment) -> None:
    allocation, supply = model.allocations[payment.allocation_id], model.supplies[payment.supply_id]
    effect = settlement.reverse(payment, allocation, supply, model.now)
    model.chain[supply.user_id] += payment.amount if payment.status == "paid" else 0
    _keep_effect(model, effect)
    model.pairs[supply.user_id] = funds.resume_payment(
        model.pairs[supply.user_id], payment.amount, GAS, model.now
    )
    _concluded(model, payment.claim_id)


def abandon_settlement(model: Model, claim: Claim) -> None:
    parts, supplies_ = model.of_order(claim.order_id), model.supplies_of(claim.order_id)
    abandoned = settlement.abandon(
        claim, model.of_claim(claim.id), parts, supplies_, reason="written off", now=model.now
    )
    model.keep_claim(abandoned.claim)
    _returned(model, abandoned.allocations, abandoned.moves)


def _returned(model: Model, allocations: tuple[Allocation, ...], moves: tuple[Moved, ...]) -> None:
    model.allocations |= {a.id: a for a in allocations}
    for moved in moves:
        model.move(moved)


def _keep_effect(model: Model, effect: settlement.PaymentEffect) -> None:
    model.keep_payment(effect.payment)
    model.allocations[effect.allocation.id] = effect.allocation
    model.move(effect.moved)


def _concluded(model: Model, claim_id: str) -> None:
    claim = model.claims[claim_id]
    order = model.orders[claim.order_id]
    world_order, world_claim = settlement.conclude(order, claim, model.of_claim(claim_id), model.now)
    model.keep_order(world_order)
    model.keep_claim(world_claim)
