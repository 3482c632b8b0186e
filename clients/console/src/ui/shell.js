// What stands around every page: places, search, what is live, who is signed in.
import { useEffect, useRef, useState } from "preact/hooks";
import { may, session, signOut, trouble } from "../api.js";
import { html } from "../html.js";
import { useValue } from "../observable.js";
import { link, route } from "../router.js";
import { live } from "../stream.js";
import { T } from "../texts.js";
import { act } from "./dialog.js";
import { setShortcuts, shortcuts, useKeys } from "./keys.js";
import { Search } from "./search.js";
import { nextTheme, theme } from "./theme.js";

const WORK = ["start", "wallets", "supplies", "orders", "market", "claims", "transactions", "approvals", "contracts", "webhooks"];
const OPERATE = [
  ["overview", "admin:read"],
  ["orders", "admin:read"],
  ["claims", "admin:read"],
  ["settlements", "admin:read"],
  ["supplies", "admin:read"],
  ["transactions", "admin:read"],
  ["lanes", "admin:read"],
  ["wallets", "admin:read"],
  ["dead-letters", "admin:redrive"],
  ["nodes", "admin:read"],
];
const ADMINISTER = [
  ["users", "admin:users"],
  ["audit", "audit:read"],
  ["reconciliation", "admin:reconcile"],
];

export const operates = () => may("admin:read");
export const home = () => (operates() ? "overview" : "start");

function groups() {
  if (!operates()) return [[T.nav.work, WORK], [null, ["account"]]];
  const allowed = (some) => some.filter(([, permission]) => may(permission)).map(([name]) => name);
  return [
    ...(may("order:write") ? [[T.nav.work, ["start", "market", "approvals", "contracts", "webhooks"]]] : []),
    [T.nav.operate, allowed(OPERATE)],
    [T.nav.administer, allowed(ADMINISTER)],
    [null, ["account"]],
  ];
}

export function Shell({ children }) {
  const { path } = useValue(route);
  const [open, setOpen] = useState(false);
  const main = useRef(null);
  const here = path[0] || home();
  useEffect(() => setOpen(false), [path.join("/")]);
  const first = useRef(true);
  useEffect(() => {
    if (first.current) first.current = false;
    else if (!document.activeElement.closest("input, textarea, select, dialog")) main.current.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [path.join("/")]);
  useKeys({ "?": keys, Escape: () => setOpen(false) }, []);
  return html`<div class=${open ? "shell open" : "shell"}>
    <a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); main.current.focus(); }}>${T.skip}</a>
    <header class="bar">
      <button type="button" class="quiet burger" aria-expanded=${open} aria-controls="places" onClick=${() => setOpen(!open)}>
        <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M2 4h12M2 8h12M2 12h12" /></svg><span class="hidden">${T.menu}</span>
      </button>
      <a class="brand" href="#/" aria-label=${T.product}><svg viewBox="0 0 16 16" aria-hidden="true"><rect width="16" height="16" rx="4" /><path d="M3 5l2.5 6L8 6l2.5 5L13 5" /></svg><span>${T.product}</span></a>
      <${Search} />
      <${Live} />
      <button type="button" class="quiet icon" onClick=${keys} aria-label=${T.keys.title} title=${T.keys.title}>?</button>
      <${Theme} />
    </header>
    <nav id="places" class="places" aria-label=${T.menu}>
      ${groups().map(([title, names]) => html`<div class="group">
        ${title ? html`<p>${title}</p>` : null}
        <ul>${names.map((name) => html`<li><a href=${link(name)} aria-current=${name === here ? "page" : undefined}>${T.nav[name]}</a></li>`)}</ul>
      </div>`)}
      <${Who} />
    </nav>
    <main id="main" tabindex="-1" ref=${main}><${Trouble} />${children}</main>
  </div>`;
}

function Who() {
  const { me } = useValue(session);
  return html`<div class="who"><span title=${me.id}>${me.email || me.address || me.id}</span>
    <button type="button" class="quiet" onClick=${signOut}>${T.nav.signOut}</button>
    <a class="soft small" href="/docs">${T.nav.api}</a></div>`;
}

function Live() {
  const state = useValue(live);
  return html`<span class=${`live ${state}`} role="status" title=${T.live[state]}><i /><span>${T.live[state]}</span></span>`;
}

function Theme() {
  const chosen = useValue(theme);
  const sign = { auto: "◐", light: "☀", dark: "☾" }[chosen];
  return html`<button type="button" class="quiet icon" onClick=${nextTheme} aria-label=${T.theme[chosen]} title=${T.theme[chosen]}>${sign}</button>`;
}

export function Trouble() {
  const now = useValue(trouble);
  return html`<div role="status">${now ? html`<p class="trouble">${T.trouble[now.kind](Math.ceil(now.seconds))}</p>` : null}</div>`;
}

const keys = () =>
  act({
    title: T.keys.title,
    body: Keys,
  });

function Keys({ close }) {
  const on = useValue(shortcuts);
  return html`<dl class="keys">${T.keys.rows.map(([key, text]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${text}</dd></div>`)}</dl>
    <p class="says"><label class="flag"><input type="checkbox" checked=${on} onChange=${(event) => setShortcuts(event.target.checked)} /> ${T.keys.on}</label></p>
    <div class="buttons"><button type="button" class="primary" onClick=${close}>${T.close}</button></div>`;
}
