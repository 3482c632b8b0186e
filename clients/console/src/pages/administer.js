// People and their rights, the log of everything, and the books against the chain.
import { useEffect, useRef, useState } from "preact/hooks";
import { call, get, may, session } from "../api.js";
import { html } from "../html.js";
import { P } from "../texts_pages.js";
import { T } from "../texts.js";
import { Action } from "../ui/dialog.js";
import { Empty, Facts, Failure, Head, Hex, Id, Loading, Raw, Status, Time } from "../ui/elements.js";
import { Filters, List, filtering, useFilters } from "../ui/list.js";
import { useLoad } from "../ui/load.js";
import { link } from "../router.js";
import { money } from "../scope.js";
import { Access } from "./access.js";
import { Plain, num } from "./orders.js";

const ROLES = ["user", "operator", "admin"];
const standing = (user) => (user.disabled ? "disabled" : user.email_verified || !user.email ? "active" : "not confirmed");
const TIERS = ["basic", "premium", "enterprise", "service"];

const edit = (user, done) => ({
  title: P.users.edit,
  says: P.users.editSays,
  fields: [
    { name: "roles", label: P.users.roles, type: "checks", options: [...new Set([...ROLES, ...user.roles])].map((one) => [one, one]), value: user.roles },
    { name: "tier", label: P.users.tier, options: TIERS.map((one) => [one, one]), value: user.tier },
    { name: "disabled", label: P.users.disabled, type: "flag", value: user.disabled },
  ],
  run: (body) => call("PUT", `/admin/users/${user.id}`, { body, version: user.version }),
  done,
});

export function Users() {
  const [turn, setTurn] = useState(0);
  const mine = session.get().me.id;
  const again = () => setTurn(turn + 1);
  const columns = [
    { head: P.heads.account, lead: true, cell: (row) => html`<a class="title" title=${row.email || row.address || row.id} href=${link(`users/${row.id}`)}>${row.email || row.address || row.id}</a>` },
    { head: P.users.roles, cell: (row) => row.roles.join(", ") },
    { head: P.users.tier, cell: (row) => row.tier },
    { head: P.status, cell: (row) => html`<${Status} value=${standing(row)} />` },
    { head: P.heads.id, cell: (row) => html`<${Id} id=${row.id} />` },
    { head: P.created, num: true, cell: (row) => html`<${Time} at=${row.created_at} />` },
    { head: T.actions, cell: (row) => (row.id === mine ? null : html`<${Action} action=${edit(row, again)} />`) },
  ];
  return html`<${Head} title=${P.users.title} />
    <${List} key=${turn} label=${P.users.title} path="/admin/users" columns=${columns} href=${(row) => `users/${row.id}`} empty=${{ text: P.users.empty }} />`;
}

const THEIRS = ["orders", "claims", "supplies", "transactions", "wallets"];

// One person: who it is, and what they have.
export function User({ id }) {
  const { data: user, error, reload } = useLoad(`/admin/users/${id}`);
  if (error && !user) return html`<${Failure} error=${error} again=${reload} />`;
  if (!user) return html`<${Loading} />`;
  const mine = user.id === session.get().me.id;
  return html`<${Head} title=${user.email || user.address || user.id} crumb=${html`<a href=${link("users")}>${P.users.title}</a>`}>
      ${may("admin:users") && !mine ? html`<${Action} action=${edit(user, reload)} />` : null}
    <//>
    <${Facts} rows=${[
      [P.status, html`<${Status} value=${standing(user)} />`],
      [P.users.roles, user.roles.join(", ")],
      [P.users.tier, user.tier],
      user.address && [P.address, html`<${Hex} value=${user.address} full=${true} />`],
      [P.heads.id, html`<${Id} id=${user.id} plain=${true} />`],
      [P.created, html`<${Time} at=${user.created_at} />`],
    ]} />
    <${Access} user=${user} />
    <section><h2>${P.users.theirs}</h2><div class="tiles">${THEIRS.map((kind) => html`<a class="card tile" href=${link(kind, { user_id: id })}><b>${P[kind].title}</b></a>`)}
      ${may("audit:read") ? html`<a class="card tile" href=${link("audit", { actor: id })}><b>${P.audit.title}</b></a>` : null}</div></section>
    <${Raw} value=${user} />`;
}

export function Audit() {
  const [values, set] = useFilters(["actor", "resource", "action"]);
  const columns = [
    { head: P.audit.action, lead: true, cell: (row) => html`<span class="title">${row.action.replaceAll("_", " ")}</span>` },
    { head: P.audit.actor, cell: (row) => html`<${Id} id=${row.actor} />` },
    { head: P.audit.resource, cell: (row) => html`<${Id} id=${row.resource} />` },
    { head: P.heads.events, cell: (row) => html`<span class="small">${row.events.join(", ") || T.none}</span>` },
    { head: P.audit.details, cell: (row) => (row.details ? html`<${Details} value=${row.details} />` : html`<span class="soft">–</span>`) },
    { head: P.audit.request, num: true, cell: (row) => html`<div class="stacked"><${Time} at=${row.at} full=${true} /><${Id} id=${row.request_id} plain=${true} /></div>` },
  ];
  return html`<${Head} title=${P.audit.title} />
    <${Filters} values=${values} set=${set} />
    <${List} label=${P.audit.title} path="/audit" query=${values} columns=${columns} every=${10} filtered=${filtering(values)} empty=${{ text: P.audit.empty }} />`;
}

const told = (one) => (one === undefined || one === null ? T.none : typeof one === "string" ? one : JSON.stringify(one));

// What became different, field by field; what else was noted, as it is.
function changes({ before, after, ...rest }) {
  const [was, is] = [before, after].map((one) => (one && typeof one === "object" ? one : {}));
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])].filter((name) => told(was[name]) !== told(is[name]));
  const changed = names.map((name) => [name, before ? `${told(was[name])} → ${told(is[name])}` : told(is[name])]);
  return [...changed, ...Object.entries(rest).map(([name, one]) => [name, told(one)])];
}

const Details = ({ value }) =>
  html`<dl class="small details">${changes(value).map(([name, one]) => html`<div><dt class="soft">${name}</dt><dd>${one}</dd></div>`)}</dl>`;

// All supplies, a page at a time. Addresses with supplies on several pages are compared again: each difference counts once.
async function compare(show) {
  const found = new Map();
  const result = { supplies: 0, differences: [] };
  let next = null;
  do {
    const page = await get(`/reconciliation?${new URLSearchParams({ limit: 100, ...(next ? { cursor: next } : {}) })}`);
    for (const one of page.differences) found.set(JSON.stringify(one), one);
    result.supplies += page.supplies;
    result.differences = [...found.values()];
    next = page.next_cursor;
  } while (show({ ...result }) && next);
  return result;
}

// Of what a difference is: a supply, or an asset of an address, which is named chain:address:token.
const asset = ({ subject }) => {
  const [chain, address, token] = subject.split(":");
  return address ? { chain, address, token: token === "native" ? null : token } : null;
};

function Subject({ one }) {
  const found = asset(one);
  if (!found) return html`<${Id} id=${one.subject} />`;
  return html`${found.chain} <${Hex} value=${found.address} chain=${found.chain} />`;
}

function amount(one, base) {
  if (base === null || base === undefined) return T.none;
  const found = asset(one);
  return found ? money(base, found.chain, found.token).join(" ") : base;
}

export function Reconciliation() {
  const [state, setState] = useState({ busy: false, result: null, error: null });
  const here = useRef(true);
  useEffect(() => () => (here.current = false), []);
  const show = (more) => {
    if (here.current) setState((before) => ({ ...before, ...more }));
    return here.current;
  };
  const run = async () => {
    show({ busy: true, result: null, error: null });
    try {
      await compare((result) => show({ result }));
    } catch (error) {
      show({ error });
    }
    show({ busy: false });
  };
  const { busy, result, error } = state;
  const differences = result ? result.differences : [];
  return html`<${Head} title=${P.reconciliation.title} lead=${P.reconciliation.lead}>
      <button type="button" class="primary" disabled=${busy} onClick=${run}>${P.reconciliation.run}</button>
    <//>
    ${busy && !result ? html`<${Loading} />` : null}
    ${!busy && !result && !error ? html`<${Empty} title=${P.reconciliation.before} text=${P.reconciliation.beforeText} />` : null}
    <${Failure} error=${error} again=${run} />
    ${result && (busy || error) ? html`<p class="notice" role="status">${P.reconciliation.part(result.supplies)}</p>` : null}
    ${result && !busy && !error && !differences.length ? html`<p class="notice good" role="status">${P.reconciliation.clean(result.supplies)}</p>` : null}
    ${differences.length
      ? html`<h2>${P.reconciliation.found(differences.length)}</h2><${Plain} label=${P.reconciliation.title} columns=${[P.heads.kind, P.heads.subject, P.heads.what, num(P.reconciliation.expected), num(P.reconciliation.seen)]}
          rows=${differences.map((one) => [one.kind, html`<${Subject} one=${one} />`, one.message, amount(one, one.expected), amount(one, one.found)])} />`
      : null}`;
}
