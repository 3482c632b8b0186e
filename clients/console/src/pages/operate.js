// Lanes, dead letters, nodes: where somebody has to look when something stands still.
import { html } from "../html.js";
import { P } from "../texts_pages.js";
import { T } from "../texts.js";
import { Action } from "../ui/dialog.js";
import { Empty, Failure, Head, Hex, Id, Loading, Raw, Status, Time } from "../ui/elements.js";
import { Filters, List, useFilters } from "../ui/list.js";
import { useLoad } from "../ui/load.js";
import { duration } from "../format.js";
import { ofLane, ofLetter } from "./actions.js";
import { Plain, num } from "./orders.js";

export function Lanes() {
  const [values, set] = useFilters(["paused"]);
  const columns = [
    { head: P.status, cell: (row) => html`<${Status} value=${row.paused_reason ? "paused" : "active"} />` },
    { head: P.address, lead: true, cell: (row) => html`<${Hex} value=${row.address} chain=${row.chain} />` },
    { head: P.chain, cell: (row) => row.chain },
    { head: P.heads.nextNonce, num: true, cell: (row) => row.next_nonce },
    { head: P.heads.inFlight, num: true, cell: (row) => row.in_flight },
    { head: P.heads.queued, num: true, cell: (row) => html`${row.queued >= 100 ? "100+" : row.queued}${row.oldest_queued_at ? html` <span class="soft small"><${Time} at=${row.oldest_queued_at} /></span>` : null}` },
    { head: P.heads.whyPaused, cell: (row) => (row.paused_reason ? html`<span class="small">${P.lanes.reasons[row.paused_reason] || row.paused_reason}</span>` : html`<span class="soft">–</span>`) },
    { head: T.actions, cell: (row) => ofLane(row).map((action) => html`<${Action} action=${action} />`) },
  ];
  return html`<${Head} title=${P.lanes.title} />
    <${Filters} filters=${[{ name: "paused", label: P.status, options: [["true", P.lanes.onlyPaused]] }]} values=${values} set=${set} />
    <${List} label=${P.lanes.title} path="/admin/lanes" query=${values} columns=${columns} every=${5} filtered=${values.paused} empty=${{ text: P.lanes.empty }} />`;
}

export function DeadLetters() {
  const [values, set] = useFilters(["status"]);
  const columns = [
    { head: P.status, cell: (row) => html`<${Status} value=${row.status} />` },
    { head: P.heads.reason, lead: true, cell: (row) => row.reason },
    { head: P.heads.topic, cell: (row) => row.topic },
    { head: P.heads.meantFor, cell: (row) => row.consumer },
    { head: P.heads.id, cell: (row) => html`<${Id} id=${row.id} plain=${true} />` },
    { head: P.created, num: true, cell: (row) => html`<${Time} at=${row.created_at} />` },
    { head: T.actions, cell: (row) => html`<div class="tools">${ofLetter(row).map((action) => html`<${Action} action=${action} />`)}<${Raw} value=${row} /></div>` },
  ];
  return html`<${Head} title=${P.letters.title} />
    <${Filters} filters=${[{ name: "status", label: P.status, options: ["new", "redriven"] }]} values=${values} set=${set} />
    <${List} label=${P.letters.title} path="/dead-letters" query=${values} columns=${columns} every=${5} filtered=${values.status === "redriven"} empty=${{ text: P.letters.empty }} />`;
}

export function Nodes() {
  const nodes = useLoad("/admin/nodes", { every: 5 });
  const chains = useLoad("/chains", { every: 10 });
  if (nodes.error && !nodes.data) return html`<${Failure} error=${nodes.error} again=${nodes.reload} />`;
  if (!nodes.data) return html`<${Loading} />`;
  const state = (node) => (node.healthy ? "ok" : node.resting ? "resting" : "unavailable");
  return html`<${Head} title=${P.nodes.title} />
    ${nodes.data.items.length
      ? html`<${Plain} label=${P.nodes.title} columns=${[P.status, P.heads.node, num(P.nodes.head), num(P.nodes.behind), num(P.nodes.latency), num(P.nodes.errors)]}
          rows=${nodes.data.items.map((node) => [html`<${Status} value=${state(node)} />`, node.name, node.block_number ?? T.none, node.behind ?? T.none, duration(node.latency), `${Math.round(node.error_rate * 100)} %`])} />`
      : html`<${Empty} text=${P.nodes.empty} />`}
    ${chains.data
      ? html`<section><h2>${P.nodes.chains}</h2><${Plain} label=${P.nodes.chains} columns=${[P.status, P.chain, num(P.heads.chainId), num(P.nodes.head), num(P.nodes.confirmations), P.heads.currencies]}
          rows=${chains.data.items.map((one) => [html`<${Status} value=${one.health.status} />`, one.name, one.chain_id, one.health.block_number ?? T.none, one.confirmations, one.currencies.map((each) => each.symbol).join(", ")])} /></section>`
      : null}`;
}
