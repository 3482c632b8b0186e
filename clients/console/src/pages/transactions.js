// Transactions: each attempt, what it waits for and since when.
import { may } from "../api.js";
import { gwei } from "../format.js";
import { html } from "../html.js";
import { link } from "../router.js";
import { EVERY, everybody, listOf, money } from "../scope.js";
import { P } from "../texts_pages.js";
import { Action, act, begin } from "../ui/dialog.js";
import { Amount, Empty, Facts, Failure, Head, Hex, Id, Loading, Raw, Status, Time } from "../ui/elements.js";
import { Filters, List, Pager, filtering, useFilters, usePages } from "../ui/list.js";
import { about, concerns, useLoad } from "../ui/load.js";
import { ofTransaction, sendCoins } from "./actions.js";
import { withWallets } from "./new_wallet.js";
import { Plain, columnsFor, num } from "./orders.js";

const X = P.transactions;
const STATUSES = ["queued", "submitted", "mined", "confirmed", "reverted", "cancelled", "rejected", "expired"];
const moved = (row) => money(row.token ? row.token.amount : row.value, row.chain, row.token && row.token.address);
const waits = (row) => (row.waiting_for ? X.waits[row.waiting_for.reason] || row.waiting_for.reason : "");

const COLUMNS = [
  { head: P.status, cell: (row) => html`<${Status} value=${row.status} />` },
  { head: X.value, lead: true, cell: (row) => html`<a class="title" href=${link(`transactions/${row.id}`)}><${Amount} value=${moved(row)[0]} currency=${moved(row)[1]} /></a>` },
  { head: P.heads.waitsFor, cell: (row) => (row.waiting_for && row.waiting_for.reason !== "finality" ? html`<span class="small">${waits(row)}</span>` : html`<span class="soft">–</span>`) },
  { head: X.to, cell: (row) => html`<${Hex} value=${row.to} chain=${row.chain} />` },
  { head: P.heads.id, cell: (row) => html`<${Id} id=${row.id} />` },
  { head: P.user, cell: (row) => html`<${Id} id=${row.user_id} />`, all: true },
  { head: P.created, num: true, cell: (row) => html`<${Time} at=${row.created_at} />` },
];

export function Transactions() {
  const [values, set] = useFilters(["status", "user_id", "wallet_id"]);
  const send = begin(() => withWallets((wallets) => act(sendCoins(wallets))));
  const button = may("transaction:send") ? html`<button type="button" class="primary" onClick=${send}>${X.send}</button>` : null;
  return html`<${Head} title=${X.title}>${button}<//>
    <${Filters} filters=${[{ name: "status", label: P.status, options: STATUSES }]} values=${values} set=${set} />
    <${List} label=${X.title} path=${listOf("transactions")} query=${values} columns=${columnsFor(COLUMNS)} href=${(row) => `transactions/${row.id}`}
      watch=${about("transaction")} every=${EVERY()} filtered=${filtering(values)} empty=${{ text: X.empty }} />`;
}

export function Transaction({ id }) {
  const { data: one, error, reload } = useLoad(`/transactions/${id}`, { watch: concerns(id, "transaction"), every: EVERY() || 10 });
  if (error && !one) return html`<${Failure} error=${error} again=${reload} />`;
  if (!one) return html`<${Loading} />`;
  return html`<${Head} title=${moved(one).join(" ")} crumb=${html`<a href=${link("transactions")}>${X.title}</a>`}>
      ${ofTransaction(one, reload).map((action) => html`<${Action} action=${action} primary=${action.primary} />`)}
    <//>
    <${Facts} rows=${[
      [P.status, html`<${Status} value=${one.status} />`],
      [P.heads.from, html`<${Hex} value=${one.from} chain=${one.chain} />`],
      [X.to, html`<${Hex} value=${one.to} chain=${one.chain} />`],
      [P.chain, one.chain],
      [P.heads.hash, html`<${Hex} value=${one.hash} chain=${one.chain} />`],
      [P.heads.nonce, one.nonce],
      [P.heads.wallet, html`<${Id} id=${one.wallet_id} />`],
      one.claim_id && [P.heads.paysTheClaim, html`<${Id} id=${one.claim_id} />`],
      [P.heads.id, html`<${Id} id=${one.id} />`],
      [P.user, html`<${Id} id=${one.user_id} plain=${!everybody()} />`],
      one.gas_used !== null && [P.heads.gasUsed, X.gasOf(one.gas_used, one.gas)],
      one.effective_gas_price && [P.heads.gasPrice, gwei(one.effective_gas_price)],
      one.error && [P.heads.error, html`<b class="bad">${one.error.code}</b> ${one.error.message}`],
    ]} />
    <section><h2>${X.timeline}</h2><${Timeline} one=${one} /></section>
    <${Raw} value=${one} />`;
}

function Timeline({ one }) {
  const fee = (attempt) => (attempt.max_fee_per_gas ? X.atMost(gwei(attempt.max_fee_per_gas)) : gwei(attempt.gas_price));
  return html`<ol class="timeline">
    <li class="done"><b>${X.accepted}</b> <${Time} at=${one.created_at} /></li>
    ${one.attempts.map((attempt, at) => html`<li class="done"><b>${attempt.kind === "noop" ? X.attempt.noop : at ? X.attempt.bump : X.attempt.send}</b> <${Time} at=${attempt.sent_at} />
      <span class="soft small">${fee(attempt)}</span> <${Hex} value=${attempt.hash} chain=${one.chain} /></li>`)}
    ${one.block_number !== null ? html`<li class="done"><b>${X.mined(one.block_number)}</b> <span class="soft small">${X.confirmations(one.confirmations ?? "?")}</span></li>` : null}
    ${one.waiting_for ? html`<li class="now"><b>${waits(one)}</b> <span class="soft small">${X.since} <${Time} at=${one.waiting_for.since} /></span></li>` : null}
    ${one.finalized ? html`<li class="done"><b>${X.finalized}</b></li>` : null}
  </ol>`;
}

export function Approvals() {
  const { data, error, reload, pager } = usePages("/approvals", { every: 10 });
  if (error && !data) return html`<${Failure} error=${error} again=${reload} />`;
  const rows = (data && data.items) || [];
  return html`<${Head} title=${P.approvals.title} />
    ${!data ? html`<${Loading} />` : !rows.length ? html`<${Empty} text=${P.approvals.empty} />` : html`<${Plain} label=${P.approvals.title}
      columns=${[P.heads.transaction, X.to, num(X.value), P.created, P.heads.decide]}
      rows=${rows.map((row) => [html`<${Id} id=${row.transaction_id} />`, html`<${Hex} value=${row.to} chain=${row.chain} />`, moved(row).join(" "), html`<${Time} at=${row.created_at} />`,
        ofTransaction({ ...row, id: row.transaction_id, blocked_reason: "APPROVAL_REQUIRED", status: "held" }, reload).map((action) => html`<${Action} action=${action} primary=${action.primary} />`)])} />`}
    <${Pager} ...${pager} />`;
}
