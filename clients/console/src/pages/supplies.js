// Supplies and the ledger that explains each balance.
import { may } from "../api.js";
import { html } from "../html.js";
import { link } from "../router.js";
import { EVERY, everybody, listOf } from "../scope.js";
import { P } from "../texts_pages.js";
import { Action, act, begin } from "../ui/dialog.js";
import { Amount, Facts, Failure, Figure, Head, Id, Loading, Raw, Status, Time } from "../ui/elements.js";
import { Filters, List, filtering, useFilters } from "../ui/list.js";
import { about, concerns, useLoad } from "../ui/load.js";
import { createSupply, currenciesOf, ofSupply } from "./actions.js";
import { withWallets } from "./new_wallet.js";
import { columnsFor } from "./orders.js";

const STATUSES = ["pending", "active", "paused", "exhausted", "closed", "rejected"];

export async function startSupply(done) {
  await withWallets(async (wallets) => act(createSupply(wallets, await currenciesOf(wallets[0].chain), done)));
}

const COLUMNS = [
  { head: P.status, cell: (row) => html`<${Status} value=${row.status} />` },
  { head: P.amount, lead: true, cell: (row) => html`<a class="title" href=${link(`supplies/${row.id}`)}><${Amount} value=${row.amount} currency=${row.currency} /></a>` },
  { head: P.heads.available, num: true, cell: (row) => row.available },
  { head: P.heads.reserved, num: true, cell: (row) => row.reserved },
  { head: P.heads.settled, num: true, cell: (row) => row.settled },
  { head: P.heads.id, cell: (row) => html`<${Id} id=${row.id} />` },
  { head: P.user, cell: (row) => html`<${Id} id=${row.user_id} />`, all: true },
  { head: P.created, num: true, cell: (row) => html`<${Time} at=${row.created_at} />` },
];

export function Supplies() {
  const [values, set] = useFilters(["status", "user_id"]);
  const make = may("supply:write") ? html`<button type="button" class="primary" onClick=${begin(startSupply)}>${P.supplies.create}</button>` : null;
  return html`<${Head} title=${P.supplies.title}>${make}<//>
    <${Filters} filters=${[{ name: "status", label: P.status, options: STATUSES }]} values=${values} set=${set} />
    <${List} label=${P.supplies.title} path=${listOf("supplies")} query=${values} columns=${columnsFor(COLUMNS)} href=${(row) => `supplies/${row.id}`}
      watch=${about("supply")} every=${EVERY()} filtered=${filtering(values)} empty=${{ text: P.supplies.empty, action: make }} />`;
}

const LEDGER = [
  { head: P.heads.verb, cell: (line) => line.verb },
  { head: P.heads.account, cell: (line) => line.account },
  { head: P.amount, num: true, cell: (line) => line.amount },
  { head: P.heads.balanceAfter, num: true, cell: (line) => line.balance_after },
  { head: P.heads.for, cell: (line) => html`<${Id} id=${line.reference} />` },
  { head: P.heads.at, num: true, cell: (line) => html`<${Time} at=${line.created_at} />` },
];

export function Supply({ id }) {
  const { data: supply, error, reload } = useLoad(`/supplies/${id}`, { watch: concerns(id, "supply"), every: EVERY() || 15 });
  if (error && !supply) return html`<${Failure} error=${error} again=${reload} />`;
  if (!supply) return html`<${Loading} />`;
  return html`<${Head} title=${`${supply.amount} ${supply.currency}`} crumb=${html`<a href=${link("supplies")}>${P.supplies.title}</a>`}>
      ${ofSupply(supply, reload).map((action) => html`<${Action} action=${action} />`)}
    <//>
    <div class="tiles three">${["available", "reserved", "settled"].map((name) => html`<div class="card tile"><p>${P.overview[name]}</p><${Figure} value=${supply[name]} /><span class="soft">${supply.currency}</span></div>`)}</div>
    <${Facts} rows=${[
      [P.status, html`<${Status} value=${supply.status} />`],
      supply.reason && [P.heads.reason, supply.reason],
      [P.chain, supply.chain],
      [P.heads.wallet, html`<${Id} id=${supply.wallet_id} />`],
      [P.heads.id, html`<${Id} id=${supply.id} />`],
      [P.user, html`<${Id} id=${supply.user_id} plain=${!everybody()} />`],
      [P.created, html`<${Time} at=${supply.created_at} />`],
      supply.expires_at && [P.heads.expires, html`<${Time} at=${supply.expires_at} />`],
    ]} />
    <section><h2>${P.supplies.ledger}</h2><${List} label=${P.supplies.ledger} path=${`/supplies/${id}/ledger`} columns=${LEDGER} watch=${(event) => event.subject === id} empty=${{ text: P.supplies.noLedger }} /></section>
    <${Raw} value=${supply} />`;
}
