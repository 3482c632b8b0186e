// What waits, since when, and what supplies hold. Each number leads to its list.
import { duration, relative } from "../format.js";
import { html } from "../html.js";
import { link } from "../router.js";
import { P } from "../texts_pages.js";
import { Bars } from "../ui/chart.js";
import { Failure, Head, Loading, Status } from "../ui/elements.js";
import { useLoad } from "../ui/load.js";
import { Plain } from "./orders.js";

const O = P.overview;
const KINDS = ["orders", "claims", "supplies", "transactions"];
const PUBLIC = { held: "queued", accepted: "queued", nonced: "queued", signed: "queued" };

export function Overview() {
  const { data, error, reload } = useLoad("/admin/overview", { every: 5 });
  const nodes = useLoad("/admin/nodes", { every: 10 });
  if (error && !data) return html`<${Failure} error=${error} again=${reload} />`;
  if (!data) return html`<${Loading} />`;
  return html`<${Head} title=${O.title} lead=${O.lead} />
    <${Attention} data=${data} nodes=${(nodes.data && nodes.data.items) || []} />
    <div class="queues">${KINDS.map((kind) => html`<${Queue} kind=${kind} counts=${data[kind]} />`)}</div>
    <div class="pair">
      <${Bars} buckets=${data.orders_by_hour} label=${O.ordersChart} href=${link("orders")} />
      <${Bars} buckets=${data.transactions_by_hour} label=${O.sendsChart} href=${link("transactions")} />
    </div>
    <div class="pair wide-first">
      <section><h2>${O.money}</h2>
        ${data.money.length ? html`<${Plain} label=${O.money} columns=${[P.chain, O.currency, P.supplies.title, O.available, O.reserved, O.settled]} rows=${data.money.map((one) => [one.chain, one.currency, one.supplies, one.available, one.reserved, one.settled])} />` : html`<p class="soft">${P.supplies.empty}</p>`}
        ${data.money_complete ? null : html`<p class="soft small">${O.incomplete}</p>`}
      </section>
      <section><h2>${O.latency}</h2><div class="tiles">
        <div class="card tile"><p>${O.median}</p><b>${duration(data.settlement.median)}</b><span class="soft">${O.samples(data.settlement.samples)}</span></div>
        <div class="card tile"><p>${O.slowest}</p><b>${duration(data.settlement.slowest_of_20)}</b></div>
      </div></section>
    </div>`;
}

const countOf = (counts, status) => (counts.find((one) => one.status === status) || {}).count || 0;

function Attention({ data, nodes }) {
  const found = [
    [countOf(data.claims, "failed"), O.failed, link("settlements")],
    [data.dead_letters.count, O.letters, link("dead-letters")],
    [data.lanes_paused, O.paused, link("lanes", { paused: "true" })],
    [countOf(data.supplies, "paused"), O.underfunded, link("supplies", { status: "paused" })],
    [nodes.filter((node) => !node.healthy).length, O.resting, link("nodes")],
  ].filter(([count]) => count);
  return html`<div class=${found.length ? "attention" : "attention calm"} role="status">
    ${found.length
      ? html`<b>${O.attention}</b><ul>${found.map(([count, text, href]) => html`<li><a href=${href}>${count} ${text}</a></li>`)}</ul>`
      : html`<span>${O.calm}</span>`}
  </div>`;
}

function Queue({ kind, counts }) {
  const merged = new Map();
  for (const one of counts) {
    const status = kind === "transactions" ? PUBLIC[one.status] || one.status : one.status;
    const sum = merged.get(status) || { ...one, status, count: 0 };
    const oldest = [sum.oldest_at, one.oldest_at].filter(Boolean).sort()[0] || null;
    merged.set(status, { ...sum, count: sum.count + one.count, more: sum.more || one.more, oldest_at: oldest });
  }
  const shown = [...merged.values()].filter((one) => one.count || !one.finished);
  return html`<section class="card queue"><h2><a href=${link(kind)}>${P[kind].title}</a></h2>
    <ul>${shown.map((one) => html`<li class=${one.count ? "" : "zero"}><a href=${link(kind, { status: one.status })}><${Status} value=${one.status} /></a>
      <span class="soft small">${one.oldest_at ? `${O.oldest} ${relative(one.oldest_at)}` : one.finished ? O.day : ""}</span>
      <b>${one.count}${one.more ? "+" : ""}</b></li>`)}</ul></section>`;
}
