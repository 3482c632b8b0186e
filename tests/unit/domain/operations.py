"""What functions will do with the rules, on a world: read, ask the rule, keep all it answers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.domain.desk import claims, funds, orders, settlement, supplies
from shared.domain.desk.allocation import Allocation, give_back
from shared.domain.desk.claims import Claim
from shared.domain.desk.orders import Line, Order
from shared.domain.desk.settlement import Payment
from shared.domain.desk.supplies import Moved, Supply
from tests.unit.domain.factories import COIN, wallet
from tests.unit.domain.world import GAS, World


def create_supply(world: World, owner: str, amount: int, life: int | None, activate: bool) -> None:
    made = supplies.create(
        supply_id=world.new_id("sup"),
        user_id=owner,
        wallet_id=f"wal_{owner}",
        address=f"0x{owner}",
        asset=COIN,
        amount=amount,
        expires_at=None if life is None else world.now + timedelta(minutes=life),
        now=world.now,
    )
    world.move(made)
    if activate:
        world.move(Moved(supplies.activate(made.supply, world.now), ()))


def decide_supply(world: World, supply: Supply, rejects: bool) -> None:
    if rejects:
        after = supplies.reject(supply, "INSUFFICIENT_BALANCE", world.now)
    else:
        after = supplies.activate(supply, world.now)
    world.move(Moved(after, ()))


def update_supply(world: World, supply: Supply, changes: dict[str, Any]) -> None:
    world.move(supplies.update(supply, world.now, **changes))


def watch_supply(world: World, supply: Supply, balance: int) -> None:
    """The tick: a balance seen on chain pauses or resumes."""
    coin = funds.observe(world.pairs[supply.user_id].coin, balance, world.block, world.now)
    mine = [s for s in world.supplies.values() if s.user_id == supply.user_id]
    if supply.id in funds.underfunded(funds.FundsPair(coin), mine, 0):
        world.move(Moved(supplies.pause(supply, world.now, supplies.UNDERFUNDED), ()))
    elif supply.reason == supplies.UNDERFUNDED:
        world.move(Moved(supplies.resume(supply, world.now), ()))


def close_supply(world: World, supply: Supply, on_time: bool) -> None:
    world.move((supplies.expire if on_time else supplies.close)(supply, world.now))


def place_order(world: World, owner: str, cents: list[int], life: int | None) -> None:
    placed = orders.place(
        order_id=world.new_id("ord"),
        user_id=owner,
        asset=COIN,
        lines=[Line("sku", "Thing", f"{c // 100}.{c % 100:02}", 1 + c % 3) for c in cents],
        supplies=world.supplies.values(),
        note=None,
        expires_at=None if life is None else world.now + timedelta(minutes=life),
        new_id=world.new_id,
        now=world.now,
    )
    world.keep_order(placed.order)
    _returned(world, placed.allocations, placed.moves)


def end_order(world: World, order: Order, how: str) -> None:
    rule = {"cancel": orders.cancel, "expire": orders.expire, "delete": orders.delete}[how]
    ended = rule(order, world.of_order(order.id), world.stock_of(order.id), world.now)
    world.keep_order(ended.order)
    _returned(world, ended.allocations, ended.moves)


def update_order(world: World, order: Order, life: int | None) -> None:
    until = None if life is None else world.now + timedelta(minutes=life - 10)
    world.keep_order(orders.update(order, world.now, note=f"{life}", expires_at=until))


def claim_order(world: World, order: Order, who: str, wallet_id: str, reads: bool) -> None:
    """`reads`: the live claim is read although it need not be."""
    reads = reads or claims.must_read_holder(order, who, world.now)
    holder = world.claims[order.claim_id] if order.claim_id and reads else None
    mine = [c for c in world.claims.values() if c.user_id == who and c.status == "claimed"]
    made = claims.claim(
        order,
        holder,
        wallet(who, id=wallet_id),
        [c.lease_until for c in mine if c.lease_until],
        claim_id=world.new_id("clm"),
        now=world.now,
    )
    if made.lapsed:
        world.keep_claim(made.lapsed)
    world.keep_claim(made.claim)
    world.keep_order(made.order)


def beat_claim(world: World, claim: Claim, epoch: int | None) -> None:
    world.keep_claim(claims.heartbeat(claim, world.orders[claim.order_id], world.now, epoch=epoch))


def end_claim(world: World, claim: Claim, how: str, epoch: int | None) -> None:
    order = world.orders[claim.order_id]
    if how == "release":
        ended = claims.release(claim, order, world.now, epoch)
    elif how == "reject":
        ended = claims.reject(claim, order, "no", world.now)
    else:
        ended = claims.lapse(order, claim, world.now)
    world.keep_claim(ended.claim)
    world.keep_order(ended.order)
    if ended.order.status == "expired":
        _returned(world, *give_back(order.id, world.of_order(order.id), world.stock_of(order.id), world.now))


def process_claim(world: World, claim: Claim, again: bool) -> None:
    order, parts = world.orders[claim.order_id], world.of_order(claim.order_id)
    if again:
        paid = world.of_claim(claim.id)
        made = settlement.retry(order, claim, paid, parts, new_id=world.new_id, now=world.now)
    else:
        made = settlement.start(order, claim, parts, new_id=world.new_id, now=world.now)
    for payment in made.payments:
        world.keep_payment(payment)
        pair = world.pairs[order.user_id]
        world.pairs[order.user_id] = funds.start_payment(pair, payment.amount, GAS, world.now)
    world.keep_order(made.order)
    world.keep_claim(made.claim)


def block_payment(world: World, payment: Payment, reason: str | None) -> None:
    world.keep_payment(settlement.block(payment, reason, world.now))
    _concluded(world, payment.claim_id)


def pay(world: World, payment: Payment) -> None:
    supply = world.supplies[payment.supply_id]
    found = settlement.paid(payment, world.allocations[payment.allocation_id], supply, world.now)
    world.chain[supply.user_id] -= payment.amount
    _keep_evidence(world, found)
    world.pairs[supply.user_id] = funds.end_payment(
        world.pairs[supply.user_id], payment.amount, GAS, None, world.now
    )
    _concluded(world, payment.claim_id)


def fail(world: World, payment: Payment, status: Any) -> None:
    owner = world.supplies[payment.supply_id].user_id
    world.keep_payment(settlement.unpaid(payment, status, "REVERTED", world.now))
    world.pairs[owner] = funds.end_payment(world.pairs[owner], payment.amount, GAS, None, world.now)
    _concluded(world, payment.claim_id)


def finalize(world: World, payment: Payment) -> None:
    world.keep_payment(settlement.finalize(payment, world.now))
    _concluded(world, payment.claim_id)


def reorganise(world: World, payment: Payment) -> None:
    allocation, supply = world.allocations[payment.allocation_id], world.supplies[payment.supply_id]
    found = settlement.take_back(payment, allocation, supply, world.now)
    world.chain[supply.user_id] += payment.amount if payment.status == "paid" else 0
    _keep_evidence(world, found)
    world.pairs[supply.user_id] = funds.resume_payment(
        world.pairs[supply.user_id], payment.amount, GAS, world.now
    )
    _concluded(world, payment.claim_id)


def abandon_settlement(world: World, claim: Claim) -> None:
    parts, stock = world.of_order(claim.order_id), world.stock_of(claim.order_id)
    left = settlement.abandon(
        claim, world.of_claim(claim.id), parts, stock, reason="written off", now=world.now
    )
    world.keep_claim(left.claim)
    _returned(world, left.allocations, left.moves)


def _returned(world: World, allocations: tuple[Allocation, ...], moves: tuple[Moved, ...]) -> None:
    world.allocations |= {a.id: a for a in allocations}
    for moved in moves:
        world.move(moved)


def _keep_evidence(world: World, found: settlement.Evidence) -> None:
    world.keep_payment(found.payment)
    world.allocations[found.allocation.id] = found.allocation
    world.move(found.moved)


def _concluded(world: World, claim_id: str) -> None:
    claim = world.claims[claim_id]
    order = world.orders[claim.order_id]
    world_order, world_claim = settlement.conclude(order, claim, world.of_claim(claim_id), world.now)
    world.keep_order(world_order)
    world.keep_claim(world_claim)
