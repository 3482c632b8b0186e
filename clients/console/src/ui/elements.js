// The small parts of every page.
import { useEffect, useState } from "preact/hooks";
import { exact, relative, short, shortId, tone } from "../format.js";
import { html } from "../html.js";
import { observable, useValue } from "../observable.js";
import { link, placeOf } from "../router.js";
import { explorerOf } from "../scope.js";
import { T } from "../texts.js";

const clock = observable(0);
setInterval(() => document.visibilityState === "visible" && clock.set(clock.get() + 1), 5000);

// `past` is said of what was to happen by now; `full` shows date and time in UTC, to compare with logs.
export function Time({ at, past, full }) {
  useValue(clock);
  if (!at) return html`<span class="soft">${T.none}</span>`;
  if (full) return html`<time class="small" datetime=${at} title=${relative(at)}>${exact(at).slice(0, 19)}</time>`;
  return html`<time datetime=${at} title=${exact(at)}>${past && Date.parse(at) <= Date.now() ? past : relative(at)}</time>`;
}

export function Copy({ text, label }) {
  const [said, setSaid] = useState("");
  const copy = async (event) => {
    event.stopPropagation();
    const answer = await navigator.clipboard.writeText(text).then(() => T.copied, () => T.notCopied);
    setSaid(answer);
    setTimeout(() => setSaid(""), answer === T.copied ? 1500 : 6000);
  };
  const done = said === T.copied;
  return html`<button type="button" class="copy" onClick=${copy} aria-label=${`${T.copy} ${label || text}`} title=${T.copy}>
    <svg viewBox="0 0 16 16" aria-hidden="true">
      ${done
        ? html`<path d="M3 8.5l3.2 3L13 4.5" />`
        : html`<rect x="5.5" y="5.5" width="8" height="8" rx="1.5" /><path d="M10.5 3.5v-1h-8v8h1" />`}
    </svg>
    <span class=${said && !done ? "bad" : "hidden"} role="status">${said}</span>
  </button>`;
}

// An id with its place, shortened; the whole one on hover and by copy.
export function Id({ id, plain }) {
  if (!id) return html`<span class="soft">${T.none}</span>`;
  const place = plain ? null : placeOf(id);
  const text = html`<code title=${id}>${shortId(id)}</code>`;
  return html`<span class="id">${place ? html`<a href=${link(place)}>${text}</a>` : text}<${Copy} text=${id} /></span>`;
}

// An address or a hash; of a chain that has an explorer, it leads there.
export function Hex({ value, full, chain }) {
  const site = explorerOf(chain);
  if (!value) return html`<span class="soft">${T.none}</span>`;
  const text = html`<code title=${value}>${full ? value : short(value)}</code>`;
  const outside = site && `${site}/${value.length > 42 ? "tx" : "address"}/${value}`;
  return html`<span class=${full ? "id full" : "id"}>${outside ? html`<a href=${outside} target="_blank" rel="noopener noreferrer" aria-label=${T.explorer(value)}>${text}</a>` : text}<${Copy} text=${value} /></span>`;
}

export const Status = ({ value }) =>
  value ? html`<span class=${`status ${tone(value)}`}>${value.replaceAll("_", " ")}</span>` : html`<span class="soft">–</span>`;

// The number of a tile: a long one is smaller, so that it stays on its line.
export const Figure = ({ value, title }) => html`<b class=${String(value).length > 10 ? "long" : ""} title=${title}>${value}</b>`;

export const Amount = ({ value, currency }) =>
  html`<span class="amount"><b>${value}</b>${currency ? html` <span class="soft">${currency}</span>` : null}</span>`;

export function Failure({ error, again }) {
  if (!error) return null;
  const advice = T.errors[error.code];
  return html`<div class="failure" role="alert">
    <p><b>${error.message}</b></p>
    ${advice && advice !== error.message ? html`<p>${advice}</p>` : null}
    ${(error.details || []).map((one) => html`<p>${one.field}: ${one.message}</p>`)}
    ${error.requestId
      ? html`<p class="soft small">${error.code} · ${T.errors.request} <code>${error.requestId}</code> <${Copy} text=${error.requestId} /></p>`
      : null}
    ${again ? html`<button type="button" onClick=${again}>${T.tryAgain}</button>` : null}
  </div>`;
}

export const Empty = ({ title, text, action }) =>
  html`<div class="empty"><h2>${title || T.empty.title}</h2>${text ? html`<p>${text}</p>` : null}${action || null}</div>`;

export const Loading = () =>
  html`<div class="loading" role="status"><span class="hidden">${T.loading}</span><i /><i /><i /></div>`;

export function Facts({ rows }) {
  return html`<dl class="facts">
    ${rows.filter(Boolean).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value ?? T.none}</dd></div>`)}
  </dl>`;
}

export const Raw = ({ value }) =>
  html`<details class="raw"><summary>${T.raw}</summary><pre tabindex="0">${JSON.stringify(value, null, 2)}</pre></details>`;

export function Head({ title, lead, children, crumb }) {
  useEffect(() => {
    document.title = `${typeof title === "string" ? title : T.console} · ${T.product}`;
  }, [title]);
  return html`<header class="head">
    <div>${crumb ? html`<p class="crumb">${crumb}</p>` : null}<h1 tabindex="-1">${title}</h1>${lead ? html`<p class="soft">${lead}</p>` : null}</div>
    <div class="tools">${children}</div>
  </header>`;
}
