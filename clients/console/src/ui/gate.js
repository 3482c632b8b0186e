// The frame of the pages that need no sign-in.
import { useEffect } from "preact/hooks";
import { html } from "../html.js";
import { T } from "../texts.js";

export function Gate({ title, children, after }) {
  useEffect(() => {
    document.title = `${title} · ${T.product}`;
  }, [title]);
  return html`<main class="gate" id="main">
    <div class="brand big"><svg viewBox="0 0 16 16" aria-hidden="true"><rect width="16" height="16" rx="4" /><path d="M3 5l2.5 6L8 6l2.5 5L13 5" /></svg><span>${T.product}</span></div>
    <p class="soft">${T.sign.lead}</p>
    <div class="card"><h1 tabindex="-1">${title}</h1>${children}</div>
    ${after ? html`<p class="soft">${after}</p>` : null}
  </main>`;
}
