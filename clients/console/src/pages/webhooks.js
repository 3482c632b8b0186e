// Webhooks: where one's events are sent, what came back, and sending again.
import { call, may, post } from "../api.js";
import { html } from "../html.js";
import { go, link } from "../router.js";
import { isMine } from "../scope.js";
import { P } from "../texts_pages.js";
import { T } from "../texts.js";
import { Action } from "../ui/dialog.js";
import { Copy, Facts, Failure, Head, Id, Loading, Raw, Status, Time } from "../ui/elements.js";
import { List } from "../ui/list.js";
import { useLoad } from "../ui/load.js";
import { once } from "./account.js";

const W = P.webhooks;

const create = {
  title: W.create,
  says: W.createSays,
  fields: [
    { name: "url", label: P.heads.url, type: "url" },
    { name: "events", label: W.events, help: W.eventsHelp, value: "order.*, claim.*" },
    { name: "description", label: W.description, required: false },
  ],
  run: ({ url, events, description }) =>
    post("/webhooks", { url, event_types: events.split(/[\s,]+/).filter(Boolean), ...(description ? { description } : {}) }),
  done: (made) => {
    go(`webhooks/${made.id}`);
    once(W.secret, W.secretSays, made.secret);
  },
};

export function Webhooks() {
  const make = may("webhook:write") ? html`<${Action} action=${create} primary=${true} />` : null;
  const columns = [
    { head: P.status, cell: (row) => html`<${Status} value=${row.failing_since ? "failing" : row.status} />` },
    { head: P.heads.url, lead: true, cell: (row) => html`<a class="title" href=${link(`webhooks/${row.id}`)}>${row.url}</a>` },
    { head: W.events, cell: (row) => html`<span class="small">${row.event_types.join(", ")}</span>` },
    { head: P.heads.id, cell: (row) => html`<${Id} id=${row.id} plain=${true} />` },
    { head: P.created, num: true, cell: (row) => html`<${Time} at=${row.created_at} />` },
  ];
  return html`<${Head} title=${W.title}>${make}<//>
    <${List} label=${W.title} path="/webhooks" columns=${columns} href=${(row) => `webhooks/${row.id}`} every=${15} empty=${{ text: W.empty, action: make }} />`;
}

const HOUR = 3_600_000; // milliseconds

const resend = (hook, done) => ({
  title: W.missed,
  says: W.missedSays,
  fields: [
    { name: "hours", label: W.since, options: W.times },
    { name: "deliveries", label: W.which, options: W.whiches },
  ],
  run: async ({ hours, deliveries }) => {
    let since = new Date(Date.now() - hours * HOUR).toISOString();
    while (since) since = (await post(`/webhooks/${hook.id}/resend`, { since, deliveries })).next_since; // one call takes so many
  },
  done,
});

function actionsOf(hook, done) {
  const path = `/webhooks/${hook.id}`;
  const put = (status) => () => call("PUT", path, { body: { status }, version: hook.version });
  const gone = () => go("webhooks");
  return [
    hook.status === "active" && { title: W.test, says: W.testSays, run: () => post(`${path}/test`), done },
    hook.status === "active" && resend(hook, done),
    { title: W.rotate, says: W.rotateSays, run: () => post(`${path}/rotate-secret`), done: (made) => { done(); once(W.secret, W.secretSays, made.secret); } },
    hook.status === "active" ? { title: W.disable, says: W.disableSays, run: put("disabled"), done } : { title: W.enable, says: W.enableSays, run: put("active"), done },
    { title: W.remove, says: W.removeSays, danger: true, run: () => call("DELETE", path, { version: hook.version }), done: gone },
  ].filter(Boolean);
}

export function Webhook({ id }) {
  const { data: hook, error, reload } = useLoad(`/webhooks/${id}`, { every: 10 });
  if (error && !hook) return html`<${Failure} error=${error} again=${reload} />`;
  if (!hook) return html`<${Loading} />`;
  const mine = isMine(hook) && may("webhook:write");
  const again = (row) => ({ title: W.resend, says: W.resendSays, run: () => post(`/webhooks/${id}/deliveries/${row.id}/redeliver`), done: reload });
  const columns = [
    { head: P.status, cell: (row) => html`<${Status} value=${row.status} />` },
    { head: P.heads.event, lead: true, cell: (row) => html`<span class="title">${row.event_type}</span>` },
    { head: P.heads.about, cell: (row) => html`<${Id} id=${row.subject} />` },
    { head: W.attempts, cell: (row) => html`<span class="small">${row.attempts.slice(0, 5).map((one) => one.status_code ?? one.error).join(", ") || T.none}</span>` },
    { head: P.heads.next, num: true, cell: (row) => html`<${Time} at=${row.next_attempt_at} past=${W.due} />` },
    { head: P.created, num: true, cell: (row) => html`<${Time} at=${row.created_at} />` },
    { head: T.actions, cell: (row) => (mine ? html`<${Action} action=${again(row)} />` : null) },
  ];
  return html`<${Head} title=${hook.url} crumb=${html`<a href=${link("webhooks")}>${W.title}</a>`}>${mine ? actionsOf(hook, reload).map((action) => html`<${Action} action=${action} />`) : null}<//>
    <${Facts} rows=${[
      [P.status, html`<${Status} value=${hook.failing_since ? "failing" : hook.status} />`],
      hook.disabled_reason && [W.reason, hook.disabled_reason.replaceAll("_", " ")],
      [W.events, hook.event_types.join(", ")],
      hook.description && [W.description, hook.description],
      [P.heads.publicKey, html`<span class="id"><code title=${hook.public_key}>${hook.public_key.slice(0, 14)}…</code><${Copy} text=${hook.public_key} /></span>`],
      hook.failing_since && [W.failing, html`<${Time} at=${hook.failing_since} />`],
      hook.next_attempt_at && [W.next, html`<${Time} at=${hook.next_attempt_at} />`],
      [P.created, html`<${Time} at=${hook.created_at} />`],
    ]} />
    <section><h2>${W.deliveries}</h2><${List} label=${W.deliveries} path=${`/webhooks/${id}/deliveries`} columns=${columns} every=${5} empty=${{ text: W.noDeliveries }} /></section>
    <${Raw} value=${hook} />`;
}
