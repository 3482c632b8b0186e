// How somebody gets into an account: sign-ins, what failed, and API keys. Operators read, administrators end.
import { may, post } from "../api.js";
import { device } from "../format.js";
import { html } from "../html.js";
import { P } from "../texts_pages.js";
import { T } from "../texts.js";
import { Action } from "../ui/dialog.js";
import { Empty, Failure, Loading, Status, Time } from "../ui/elements.js";
import { Pager, usePages } from "../ui/list.js";
import { Plain } from "./orders.js";

const A = P.access;
const reason = { name: "reason", label: A.reason, help: A.reasonHelp, minlength: 8 };

const end = (user, one, done) => ({ title: A.end, says: A.endSays, danger: true, fields: [reason], run: (values) => post(`/admin/users/${user.id}/sign-ins/${one.id}/end`, values), done });
const revoke = (user, one, done) => ({ title: A.revoke, says: A.revokeSays(one.name), danger: true, fields: [reason], run: (values) => post(`/admin/users/${user.id}/api-keys/${one.id}/revoke`, values), done });

export function Access({ user }) {
  const changes = may("admin:users");
  const whole = changes ? [A.device, A.network] : [];
  return html`<${Paged} title=${A.signIns} path=${`/admin/users/${user.id}/sign-ins`} empty=${A.noSignIns} lead=${(data) => html`<${Failed} failed=${data.failed} />`}
      columns=${[P.status, A.how, ...whole, A.began, A.used, A.ended, ...(changes ? [T.actions] : [])]}
      row=${(one, again) => [
        html`<${Status} value=${one.state} />`,
        one.factors.map((way) => P.account.ways[way] || way).join(", "),
        ...(changes ? [html`<span title=${one.user_agent}>${device(one.user_agent) || T.none}</span>`, one.network || T.none] : []),
        html`<${Time} at=${one.created_at} />`,
        html`<${Time} at=${one.last_used_at} />`,
        html`<${Time} at=${one.ended_at} />`,
        ...(changes ? [one.state === "active" ? html`<${Action} action=${end(user, one, again)} />` : ""] : []),
      ]} />
    <${Paged} title=${P.account.keys} path=${`/admin/users/${user.id}/api-keys`} empty=${A.noKeys}
      columns=${[P.wallets.name, P.account.scopes, A.begins, A.made, A.used, A.expires, ...(changes ? [T.actions] : [])]}
      row=${(one, again) => [
        html`<span title=${one.id}>${one.name}</span>`,
        html`<span class="small">${one.scopes.join(", ")}</span>`,
        html`<code>${one.hint}</code>`,
        html`<${Time} at=${one.created_at} />`,
        html`<${Time} at=${one.last_used_at} />`,
        html`<${Time} at=${one.expires_at} />`,
        ...(changes ? [html`<${Action} action=${revoke(user, one, again)} />`] : []),
      ]} />`;
}

// A short list, a page at a time, that leaves the keyboard to the list of the page.
function Paged({ title, path, columns, row, empty, lead }) {
  const { data, error, reload, pager } = usePages(path, { limit: 10 });
  return html`<section><h2>${title}</h2>
    <${Failure} error=${error} again=${reload} />
    ${data && lead && data.failed ? lead(data) : null}
    ${data ? (data.items.length ? html`<${Plain} label=${title} columns=${columns} rows=${data.items.map((one) => row(one, reload))} />` : html`<${Empty} text=${empty} />`) : error ? null : html`<${Loading} />`}
    <${Pager} label=${title} ...${pager} />
  </section>`;
}

function Failed({ failed }) {
  const said = [];
  if (failed.passwords) said.push(html`${A.passwords(failed.passwords)} <${Time} at=${failed.passwords_since} />`);
  if (failed.waiting) said.push(A.waiting);
  if (failed.codes) said.push(html`${A.codes(failed.codes)} <${Time} at=${failed.last_code_at} />`);
  if (!said.length) return html`<p class="soft">${A.calm}</p>`;
  return html`<ul class="notice">${said.map((one) => html`<li>${one}</li>`)}</ul>`;
}
