// Orders: everybody's for operators, one's own for users; and those of others that may be claimed.
import { may } from "../api.js";
import { html } from "../html.js";
import { link } from "../router.js";
import { EVERY, everybody, isMine, listOf } from "../scope.js";
import { P } from "../texts_pages.js";
import { T } from "../texts.js";
import { Action, act, begin } from "../ui/dialog.js";
import { Amount, Facts, Failure, Head, Id, Loading, Raw, Status, Time } from "../ui/elements.js";
import { Filters, List, filtering, useFilters } from "../ui/list.js";
import { about, concerns, useLoad } from "../ui/load.js";
import { claimOrder, currenciesOf, ofOrder, placeOrder } from "./actions.js";
import { withWallets } from "./new_wallet.js";

const STATUSES = ["open", "claimed", "processing", "completed", "failed", "cancelled", "expired"];
export const what = (order) => order.items.map((item) => `${item.quantity} × ${item.product_name}`).join(", ");

export async function startOrder(done) {
  act(placeOrder(await currenciesOf(), done));
}

const startClaim = (order) => withWallets((wallets) => act(claimOrder(order, wallets)), order.chain);

const COLUMNS = [
  { head: P.status, cell: (row) => html`<${Status} value=${row.status} />` },
  { head: P.orders.product, lead: true, cell: (row) => html`<a class="title" href=${link(`orders/${row.id}`)}>${what(row) || row.id}</a>` },
  { head: P.amount, num: true, cell: (row) => html`<${Amount} value=${row.amount} currency=${row.currency} />` },
  { head: P.heads.id, cell: (row) => html`<${Id} id=${row.id} />` },
  { head: P.user, cell: (row) => html`<${Id} id=${row.user_id} />`, all: true },
  { head: P.created, num: true, cell: (row) => html`<${Time} at=${row.created_at} />` },
];

export const columnsFor = (columns) => columns.filter((column) => !column.all || everybody());

export function Orders() {
  const [values, set] = useFilters(["status", "user_id"]);
  const filters = [{ name: "status", label: P.status, options: STATUSES }];
  const place = may("order:write") ? html`<button type="button" class="primary" onClick=${begin(startOrder)}>${P.orders.place}</button>` : null;
  return html`<${Head} title=${P.orders.title}>${place}<//>
    <${Filters} filters=${filters} values=${values} set=${set} />
    <${List} label=${P.orders.title} path=${listOf("orders")} query=${values} columns=${columnsFor(COLUMNS)} href=${(row) => `orders/${row.id}`}
      watch=${about("order")} every=${EVERY()} filtered=${filtering(values)} empty=${{ text: P.orders.empty, action: place }} />`;
}

export function Market() {
  const columns = [
    ...COLUMNS.filter((column) => !column.all && column.head !== P.status).map((column) =>
      column.lead ? { ...column, cell: (row) => html`<a class="title" href=${link(`orders/${row.id}`)}>${what(row)}</a>` } : column,
    ),
    { head: T.actions, cell: (row) => html`<button type="button" class="primary small" onClick=${begin(() => startClaim(row))}>${P.market.claim}</button>` },
  ];
  return html`<${Head} title=${P.market.title} />
    <${List} label=${P.market.title} path="/orders/available" columns=${columns} href=${(row) => `orders/${row.id}`} every=${5} empty=${{ text: P.market.empty }} />`;
}

export function Order({ id }) {
  const { data: order, error, reload } = useLoad(`/orders/${id}`, { watch: concerns(id, "order", "claim"), every: EVERY() || 15 });
  const claims = useLoad(order && isMine(order) ? `/claims?order_id=${id}` : null, { watch: about("claim") });
  if (error && !order) return html`<${Failure} error=${error} again=${reload} />`;
  if (!order) return html`<${Loading} />`;
  return html`<${Head} title=${what(order) || order.id} crumb=${html`<a href=${link("orders")}>${P.orders.title}</a>`}>
      ${order.status === "open" && !isMine(order) && may("claim:execute") ? html`<button type="button" class="primary" onClick=${begin(() => startClaim(order))}>${P.market.claim}</button>` : null}
      ${ofOrder(order, reload).map((action) => html`<${Action} action=${action} />`)}
    <//>
    <${Facts} rows=${[
      [P.status, html`<${Status} value=${order.status} />`],
      [P.amount, html`<${Amount} value=${order.amount} currency=${order.currency} />`],
      [P.chain, order.chain],
      [P.heads.id, html`<${Id} id=${order.id} />`],
      [P.user, html`<${Id} id=${order.user_id} plain=${!everybody()} />`],
      order.claim_id && [P.heads.claim, html`<${Id} id=${order.claim_id} />`],
      order.note && [P.orders.note, order.note],
      [P.created, html`<${Time} at=${order.created_at} />`],
      order.expires_at && [P.heads.expires, html`<${Time} at=${order.expires_at} />`],
    ]} />
    <section><h2>${P.heads.items}</h2><${Plain} columns=${[P.heads.product, num(P.in(P.heads.price, order.currency)), num(P.heads.quantity), num(P.in(P.heads.total, order.currency))]} rows=${order.items.map((item) => [item.product_name, item.price, item.quantity, item.total])} /></section>
    ${order.allocations && order.allocations.length
      ? html`<section><h2>${P.heads.reservedFrom}</h2><${Plain} columns=${[P.heads.supply, P.heads.wallet, num(P.in(P.amount, order.currency)), num(P.in(P.heads.settled, order.currency))]}
          rows=${order.allocations.map((part) => [html`<${Id} id=${part.supply_id} />`, html`<${Id} id=${part.wallet_id} />`, part.amount, part.settled])} /></section>`
      : null}
    ${claims.data && claims.data.items.length
      ? html`<section><h2>${P.claims.title}</h2><${Plain} columns=${[P.status, P.heads.claim, P.heads.claimed, P.heads.reason]}
          rows=${claims.data.items.map((one) => [html`<${Status} value=${one.status} />`, html`<${Id} id=${one.id} />`, html`<${Time} at=${one.claimed_at} />`, one.reason || T.none])} /></section>`
      : null}
    <${Raw} value=${order} />`;
}

// A column of numbers, for Plain.
export const num = (head) => ({ head, num: true });

export function Plain({ columns, rows, label }) {
  const heads = columns.map((one) => (typeof one === "string" ? { head: one } : one));
  return html`<div class="list"><table role="table" aria-label=${label}><thead role="rowgroup"><tr role="row">${heads.map((one) => html`<th role="columnheader" scope="col" class=${one.num ? "num" : ""}>${one.head}</th>`)}</tr></thead>
    <tbody role="rowgroup">${rows.map((row) => html`<tr role="row">${row.map((cell, at) => html`<td role="cell" data-head=${heads[at].head} class=${heads[at].num ? "num" : ""}>${cell}</td>`)}</tr>`)}</tbody></table></div>`;
}
