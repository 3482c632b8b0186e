// One box for every id, address and transaction hash.
import { useRef, useState } from "preact/hooks";
import { get, may } from "../api.js";
import { html } from "../html.js";
import { go, placeOf } from "../router.js";
import { T } from "../texts.js";
import { useKeys } from "./keys.js";

export async function find(text) {
  const place = placeOf(text);
  if (place) return [place];
  if (/^0x[0-9a-fA-F]{64}$/.test(text)) return byHash(text.toLowerCase());
  if (/^0x[0-9a-fA-F]{40}$/.test(text)) return ["wallets", { address: text }];
  if (/^(req|ses|key|aud|dlq)_/.test(text) && may("audit:read")) return ["audit", { resource: text }];
  return null;
}

async function byHash(hash) {
  const { items } = await get("/chains");
  for (const chain of items) {
    const found = await get(`/transactions/by-hash/${chain.name}/${hash}`).catch(() => null);
    if (found) return [`transactions/${found.id}`];
  }
  return [];
}

export function Search() {
  const input = useRef(null);
  const [said, setSaid] = useState("");
  useKeys({ "/": () => input.current.focus() }, []);
  const submit = async (event) => {
    event.preventDefault();
    const text = input.current.value.trim();
    if (!text) return;
    const found = await find(text).catch(() => []);
    if (!found) setSaid(T.search.unknown);
    else if (!found.length) setSaid(T.search.nothing);
    else {
      setSaid("");
      input.current.value = "";
      input.current.blur();
      go(...found);
    }
  };
  return html`<form class="search" role="search" onSubmit=${submit}>
    <label class="hidden" for="search">${T.search.label}</label>
    <input id="search" ref=${input} type="search" placeholder=${T.search.placeholder} autocomplete="off" spellcheck=${false}
      onInput=${() => setSaid("")} onKeyDown=${(event) => event.key === "Escape" && input.current.blur()} aria-describedby="search-said" />
    <kbd aria-hidden="true">/</kbd>
    <span id="search-said" class="said" role="status">${said}</span>
  </form>`;
}
