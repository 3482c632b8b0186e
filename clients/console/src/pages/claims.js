// Claims and how they are settled.
import { html } from "../html.js";
import { link } from "../router.js";
import { EVERY, everybody, listOf } from "../scope.js";
import { T } from "../texts.js";
import { P } from "../texts_pages.js";
import { Action } from "../ui/dialog.js";
import { Amount, Facts, Failure, Head, Id, Loading, Raw, Status, Time } from "../ui/elements.js";
import { Filters, List, filtering, useFilters } from "../ui/list.js";
import { about, concerns, useLoad } from "../ui/load.js";
import { ofClaim } from "./actions.js";
import { Plain, columnsFor, num } from "./orders.js";

const STATUSES = ["claimed", "processing", "processed", "failed", "released", "expired", "rejected"];
const COLUMNS = [
  { head: P.status, cell: (row) => html`<${Status} value=${row.status} />` },
  { head: P.heads.claim, lead: true, cell: (row) => html`<a class="title" href=${link(`claims/${row.id}`)}><${Amount} value=${row.amount} currency=${row.currency} /></a>` },
  { head: P.heads.payout, cell: (row) => html`<${Status} value=${row.settlement.status === "none" ? "" : row.settlement.status} />` },
  { head: P.heads.id, cell: (row) => html`<${Id} id=${row.id} />` },
  { head: P.heads.order, cell: (row) => html`<${Id} id=${row.order_id} />` },
  { head: P.user, cell: (row) => html`<${Id} id=${row.user_id} />`, all: true },
  { head: P.heads.claimed, num: true, cell: (row) => html`<${Time} at=${row.claimed_at} />` },
];

export function Claims({ settlements }) {
  const [values, set] = useFilters(["status", "user_id"]);
  const options = settlements ? ["failed", "processing", "processed"] : STATUSES;
  const query = settlements && !values.status ? { ...values, status: "failed" } : values;
  const filters = [{ name: "status", label: P.status, options }];
  const title = settlements ? P.claims.settlements : P.claims.title;
  const empty = { text: settlements ? P.claims.settlementsEmpty : P.claims.empty };
  return html`<${Head} title=${title} />
    <${Filters} filters=${filters} values=${query} set=${set} />
    <${List} label=${title} path=${listOf("claims")} query=${query} columns=${columnsFor(COLUMNS)} href=${(row) => `claims/${row.id}`}
      watch=${about("claim")} every=${EVERY()} filtered=${settlements ? values.user_id : filtering(values)} empty=${empty} />`;
}

export function Claim({ id }) {
  const { data: claim, error, reload } = useLoad(`/claims/${id}`, { watch: concerns(id, "claim", "transaction"), every: EVERY() || 15 });
  const { data: order } = useLoad(claim ? `/orders/${claim.order_id}` : null, {});
  if (error && !claim) return html`<${Failure} error=${error} again=${reload} />`;
  if (!claim) return html`<${Loading} />`;
  return html`<${Head} title=${`${claim.amount} ${claim.currency}`} crumb=${html`<a href=${link("claims")}>${P.claims.title}</a>`}>
      ${ofClaim(claim, order, reload).map((action) => html`<${Action} action=${action} primary=${action.primary} />`)}
    <//>
    <${Facts} rows=${[
      [P.status, html`<${Status} value=${claim.status} />`],
      [P.heads.payout, html`<${Status} value=${claim.settlement.status} />`],
      [P.heads.order, html`<${Id} id=${claim.order_id} />`],
      [P.heads.id, html`<${Id} id=${claim.id} />`],
      [P.heads.claimer, html`<${Id} id=${claim.user_id} plain=${!everybody()} />`],
      [P.heads.paidTo, html`<${Id} id=${claim.wallet_id} />`],
      claim.reason && [P.claims.reason, claim.reason],
      claim.lease_until && [P.heads.leaseUntil, html`<${Time} at=${claim.lease_until} />`],
      [P.heads.claimed, html`<${Time} at=${claim.claimed_at} />`],
      claim.processed_at && [P.heads.processed, html`<${Time} at=${claim.processed_at} />`],
    ]} />
    ${claim.settlement.payments.length
      ? html`<section><h2>${P.claims.payments}</h2><${Plain} columns=${[P.status, num(P.in(P.amount, claim.currency)), num(P.heads.round), P.heads.transaction, P.claims.reason]}
          rows=${claim.settlement.payments.map((one) => [html`<${Status} value=${one.status} />`, one.amount, one.round, html`<${Id} id=${one.transaction_id} />`, one.reason || T.none])} /></section>`
      : null}
    <${Raw} value=${claim} />`;
}
