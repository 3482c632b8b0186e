// What waits, since when, and what supplies hold. Each number leads to its list.
import { useRef } from "preact/hooks";
import { duration, relative, units } from "../format.js";
import { html } from "../html.js";
import { link } from "../router.js";
import { P } from "../texts_pages.js";
import { Amounts, Bars, Lines } from "../ui/chart.js";
import { Failure, Head, Loading, Status, Time } from "../ui/elements.js";
import { useLoad } from "../ui/load.js";
import { Plain, num } from "./orders.js";

const O = P.overview;
const KINDS = ["orders", "claims", "supplies", "transactions"];
const PUBLIC = { held: "queued", accepted: "queued", nonced: "queued", signed: "queued" };

export function Overview() {
  const { data, error, reload } = useLoad("/admin/overview", { every: 5 }); // no event tells of dead letters, and of what only gets older
  const nodes = useLoad("/admin/nodes", { every: 10 });
  const health = useHistory(nodes.data);
  const regions = useRegions(data);
  if (error && !data) return html`<${Failure} error=${error} again=${reload} />`;
  if (!data) return html`<${Loading} />`;
  return html`<${Head} title=${O.title} lead=${O.lead}><${Regions} regions=${regions} /><//>
    <${Attention} data=${data} nodes=${(nodes.data && nodes.data.items) || []} />
    <div class="queues">${KINDS.map((kind) => html`<${Queue} kind=${kind} counts=${data[kind]} />`)}</div>
    <div class="pair">
      <${Bars} buckets=${data.orders_by_hour} label=${O.ordersChart} href=${link("orders")} />
      <${Bars} buckets=${data.claims_by_hour || []} label=${O.claimsChart} href=${link("claims")} />
      <${Bars} buckets=${data.transactions_by_hour} label=${O.sendsChart} href=${link("transactions")} />
      <${FeeChart} data=${data} />
      <${HealthChart} history=${health} />
      <${Settled} settlement=${data.settlement} />
    </div>
    <section><h2>${O.money}</h2>
      ${data.money.length ? html`<${Plain} label=${O.money} columns=${[P.chain, O.currency, num(P.supplies.title), num(O.available), num(O.reserved), num(O.settled)]} rows=${data.money.map((one) => [one.chain, one.currency, one.supplies, one.available, one.reserved, one.settled])} />` : html`<p class="soft">${P.supplies.empty}</p>`}
      ${data.money_complete ? null : html`<p class="soft small">${O.incomplete}</p>`}
    </section>`;
}

// For a picture; exact amounts are of the transactions themselves.
const gwei = (wei) => Number(units(wei, 9));

function FeeChart({ data }) {
  const { fees_by_hour: fees = [] } = data; // not of the release before
  const hours = data.orders_by_hour.map((bucket) => bucket.at);
  const chains = [...new Set(fees.map((one) => one.chain))];
  const of = (chain, at) => fees.filter((one) => one.chain === chain && Date.parse(one.at) === Date.parse(at)).reduce((sum, one) => sum + gwei(one.gas_wei), 0);
  const rows = chains.map((chain) => ({ text: chain, values: hours.map((at) => of(chain, at)) }));
  const count = fees.reduce((sum, one) => sum + one.transactions, 0);
  return html`<${Amounts} label=${data.fees_complete ? O.feesChart : O.feesPart} href=${link("transactions", { status: "confirmed" })} says=${O.paying(count)} times=${hours.map((at) => Date.parse(at) / 1000)} rows=${rows} unit="gwei" />`;
}

function HealthChart({ history }) {
  const names = [...new Set(history.flatMap(({ nodes }) => nodes.map((node) => `${node.chain} · ${node.name}`)))];
  const of = (name, { nodes }) => nodes.find((node) => `${node.chain} · ${node.name}` === name);
  const latency = (node) => (node && node.healthy ? Math.round(node.latency * 1e5) / 100 : null);
  const rows = names.map((name) => ({ text: name, values: history.map((seen) => latency(of(name, seen))) }));
  const last = history.at(-1);
  const well = last ? last.nodes.filter((node) => node.healthy).length : 0;
  return html`<${Lines} label=${O.healthChart} href=${link("nodes")} says=${last ? O.answering(well, last.nodes.length) : ""} times=${history.map(({ at }) => at)} rows=${rows} unit="ms" />`;
}

const Settled = ({ settlement }) => html`<section class="card chart settled"><h2><a href=${link("settlements", { status: "processed" })}>${O.latency}</a></h2>
  <dl><div><dt>${O.median}</dt><dd>${duration(settlement.median)}</dd></div><div><dt>${O.slowest}</dt><dd>${duration(settlement.slowest_of_20)}</dd></div></dl>
  <p class="soft small">${O.samples(settlement.samples)}</p></section>`;

const KEPT = 90; // readings of the nodes, as long as the page is open

function useHistory(seen) {
  const history = useRef([]);
  const last = history.current.at(-1);
  if (seen && (!last || last.seen !== seen)) history.current = [...history.current, { at: Date.now() / 1000, nodes: seen.items, seen }].slice(-KEPT);
  return history.current.map(({ at, nodes }) => ({ at, nodes }));
}

// Which regions have answered so far, and when: a balancer chooses for each request.
function useRegions(data) {
  const found = useRef(new Map());
  if (data && data.region) found.current.set(data.region, data.at);
  return [...found.current].sort();
}

function Regions({ regions }) {
  if (regions.length < 2 && (!regions.length || regions[0][0] === "local")) return null;
  return html`<ul class="regions" aria-label=${O.regions}>${regions.map(([name, at]) => html`<li title=${O.answered(name)}><${Status} value="ok" /> <b>${name}</b> <span class="soft small"><${Time} at=${at} /></span></li>`)}</ul>`;
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
      ? html`<b>${O.attention}</b><ul>${found.map(([count, [one, many], href]) => html`<li><a href=${href}>${count} ${count === 1 ? one : many}</a></li>`)}</ul>`
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
