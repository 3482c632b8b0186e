// One's own account: how one signs in, from where, and which programs may act.
import { useState } from "preact/hooks";
import { call, proven, session } from "../api.js";
import { device } from "../format.js";
import { html } from "../html.js";
import { useValue } from "../observable.js";
import { P } from "../texts_pages.js";
import { T } from "../texts.js";
import { Action, Field, act } from "../ui/dialog.js";
import { Copy, Empty, Facts, Failure, Head, Id, Loading, Status, Time } from "../ui/elements.js";
import { Pager, usePages } from "../ui/list.js";
import { useLoad } from "../ui/load.js";
import { registration } from "../ui/passkeys.js";
import { Plain } from "./orders.js";

const A = P.account;
export const once = (title, says, text) => {
  if (!text) return act({ title, body: ({ close }) => html`<${Lost} close=${close} />` });
  return act({
    title,
    says,
    stays: true,
    body: ({ close }) => html`<div class="secret"><code>${[text].flat().map((one) => html`<div>${one}</div>`)}</code><${Copy} text=${[text].flat().join("\n")} label=${title} /></div>
      <div class="buttons"><button type="button" class="primary" onClick=${close}>${T.close}</button></div>`,
  });
};

// A repeated request is answered without what is shown only once.
const Lost = ({ close }) =>
  html`<p class="notice" role="alert">${T.lost}</p><div class="buttons"><button type="button" class="primary" onClick=${close}>${T.close}</button></div>`;

export function Account() {
  const { me } = useValue(session);
  const sessions = usePages("/auth/sessions");
  const passkeys = usePages("/auth/passkeys");
  const keys = usePages("/auth/api-keys");
  const mine = useLoad("/auth/me");
  const app = mine.data && (mine.data.second_factors || []).includes("totp");
  return html`<${Head} title=${A.title}>${me.email ? html`<${Action} action=${changePassword(() => { sessions.reload(); keys.reload(); })} />` : null}<//>
    <${Facts} rows=${[
      me.email && [T.sign.email, html`<span class="full">${me.email}</span>${me.email_verified ? null : html` <${Status} value="not confirmed" />`}`],
      me.address && [P.address, me.address],
      [P.heads.id, html`<${Id} id=${me.id} plain=${true} />`],
      [P.users.roles, me.roles.join(", ")],
      [P.users.tier, me.tier],
      mine.data && [A.totp, app ? A.totpOn : A.totpOff],
      [P.created, html`<${Time} at=${me.created_at} />`],
    ]} />
    <${Part} title=${A.sessions} load=${sessions} tools=${sessions.data && sessions.data.items.length > 1 ? html`<${Action} action=${remove(A.endOthers, A.endOthersSays, "/auth/sessions", sessions.reload)} />` : null} columns=${[P.heads.where, P.heads.how, P.heads.lastUsed, T.actions]}
      row=${(one) => [html`<span title=${one.user_agent}>${device(one.user_agent) || T.none}</span>`, one.factors.map((way) => A.ways[way] || way).join(", "), html`<${Time} at=${one.last_used_at} />`,
        one.current ? html`<span class="soft">${A.current}</span>` : html`<${Action} action=${remove(A.end, A.endSays, `/auth/sessions/${one.id}`, sessions.reload)} />`]} />
    <${Part} title=${A.passkeys} load=${passkeys} empty=${A.noPasskeys} columns=${[P.heads.name, P.heads.lastUsed, T.actions]}
      tools=${html`<${Action} action=${addPasskey(passkeys.reload)} />${mine.data ? html`<${Action} action=${app ? remove(A.removeTotp, A.removeTotpSays, "/auth/totp", mine.reload) : addTotp(mine.reload)} />` : null}`}
      row=${(one) => [one.name, html`<${Time} at=${one.last_used_at} />`, html`<${Action} action=${remove(A.remove, A.removePasskeySays, `/auth/passkeys/${one.id}`, passkeys.reload)} />`]} />
    <${Part} title=${A.keys} load=${keys} empty=${A.noKeys} columns=${[P.heads.name, A.scopes, P.heads.beginsWith, P.heads.lastUsed, P.heads.expires, T.actions]}
      tools=${html`<${Action} action=${addKey(me, keys.reload)} />`}
      row=${(one) => [one.name, html`<span class="small">${one.scopes.join(", ")}</span>`, html`<code>${one.hint}</code>`, html`<${Time} at=${one.last_used_at} />`, html`<${Time} at=${one.expires_at} />`,
        html`<${Action} action=${remove(A.remove, A.removeSays, `/auth/api-keys/${one.id}`, keys.reload)} />`]} />`;
}

function Part({ title, load, columns, row, empty, tools }) {
  const items = load.data && load.data.items;
  return html`<section><div class="head small-head"><h2>${title}</h2><div class="tools">${tools}</div></div>
    <${Failure} error=${load.error} again=${load.reload} />
    ${items ? (items.length || load.pager.back ? html`<${Plain} label=${title} columns=${columns} rows=${items.map(row)} />` : html`<${Empty} text=${empty} />`) : load.error ? null : html`<${Loading} />`}
    <${Pager} label=${title} ...${load.pager} />
  </section>`;
}

const remove = (title, says, path, done) => ({ title, says, danger: true, run: () => call("DELETE", path, {}), done });

const changePassword = (done) => ({
  title: A.password,
  says: A.passwordSays,
  fields: [
    { name: "current", label: A.currentPassword, type: "password", autocomplete: "current-password" },
    { name: "new", label: T.recover.newPassword, type: "password", help: T.sign.newPassword, autocomplete: "new-password", minlength: 8 },
    { name: "end_api_keys", label: A.endKeys, type: "flag", value: true },
  ],
  run: (values) => call("POST", "/auth/password", { body: values }),
  done,
});

const addPasskey = (done) => ({
  title: A.addPasskey,
  says: A.addPasskeySays,
  fields: [{ name: "name", label: P.wallets.name, value: A.thisDevice }],
  run: async ({ name }) => {
    const { options } = await call("POST", "/auth/passkeys/options", { body: {} });
    return call("POST", "/auth/passkeys", { body: { name, credential: await registration(options) } });
  },
  done: (made) => {
    done();
    if (made.recovery_codes) once(A.passkeys, A.codes, made.recovery_codes);
  },
});

const addTotp = (done) => ({
  title: A.addTotp,
  says: A.addTotpSays,
  run: () => call("POST", "/auth/totp", { body: {} }),
  done: ({ uri }) => act({ title: A.totp, says: A.secret, stays: true, body: ({ close }) => html`<${Totp} uri=${uri} close=${close} done=${done} />` }),
});

function Totp({ uri, close, done }) {
  const [error, setError] = useState(null);
  const secret = new URL(uri).searchParams.get("secret");
  const submit = async (event) => {
    event.preventDefault();
    try {
      const answer = await call("POST", "/auth/totp/verify", { body: { code: event.target.elements.code.value.trim() } });
      proven(answer);
      close();
      done();
      if (answer.recovery_codes) once(A.totp, A.codes, answer.recovery_codes);
    } catch (failure) {
      setError(failure);
    }
  };
  return html`<div class="secret"><code>${secret}</code><${Copy} text=${secret} label=${A.totp} /></div>
    <form onSubmit=${submit}><${Field} field=${{ name: "code", label: T.sign.code, autocomplete: "one-time-code", inputmode: "numeric" }} />
      <${Failure} error=${error} />
      <div class="buttons"><button type="button" onClick=${close}>${T.cancel}</button><button type="submit" class="primary">${T.recover.confirmGo}</button></div></form>`;
}

const addKey = (me, done) => ({
  title: A.newKey,
  says: A.newKeySays,
  fields: [
    { name: "name", label: P.wallets.name },
    { name: "scopes", label: A.scopes, type: "checks", options: me.permissions.filter((one) => !one.endsWith("*") && one !== "admin:act").map((one) => [one, one]), value: ["order:read"] },
  ],
  run: (values) => call("POST", "/auth/api-keys", { body: values }),
  done: (made) => {
    done();
    once(A.keys, A.keyShown, made.api_key);
  },
});
