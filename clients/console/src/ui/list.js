// A list of any length, a page at a time: filters and place are in the address, rows are reached by keyboard.
import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "../html.js";
import { go, link, route } from "../router.js";
import { useValue } from "../observable.js";
import { T } from "../texts.js";
import { Empty, Failure, Id, Loading } from "./elements.js";
import { useKeys } from "./keys.js";
import { useLoad } from "./load.js";

export const SIZE = 50;

export function useFilters(names) {
  const { path, query } = useValue(route);
  const set = (name, value) => go(path.join("/"), { ...query, [name]: value });
  return [Object.fromEntries(names.map((name) => [name, query[name] || ""])), set];
}

export const filtering = (values) => Object.values(values).some(Boolean);

// What a link to the list has set is shown, too, and can be taken away.
export function Filters({ filters = [], values, set }) {
  const given = Object.keys(values).filter((name) => values[name] && !filters.some((one) => one.name === name));
  if (!filters.length && !given.length) return null;
  return html`<div class="filters" role="group" aria-label=${T.filters}>
    ${filters.map(({ name, label, options }) => html`<label><span>${label}</span>
      <select value=${values[name]} onChange=${(event) => set(name, event.target.value)}>
        <option value="">${T.all}</option>
        ${options.map((one) => (Array.isArray(one) ? one : [one, one.replaceAll("_", " ")])).map(([one, text]) => html`<option value=${one} selected=${one === values[name]}>${text}</option>`)}
      </select></label>`)}
    ${given.map((name) => html`<span class="given"><span>${T.given[name]}</span> ${name === "action" ? values[name] : html`<${Id} id=${values[name]} plain=${true} />`}
      <button type="button" class="quiet" aria-label=${T.withoutFilter(T.given[name])} onClick=${() => set(name, "")}>${T.all}</button></span>`)}
  </div>`;
}

// A list that leaves the keyboard to another one of the page: a page of it, and what Pager takes.
export function usePages(path, { limit = SIZE, ...more } = {}) {
  const [cursors, setCursors] = useState([]);
  const at = cursors.at(-1);
  const load = useLoad(`${path}?${new URLSearchParams({ limit, ...(at ? { cursor: at } : {}) })}`, more);
  const next = load.data && load.data.next_cursor;
  const back = cursors.length ? () => setCursors(cursors.slice(0, -1)) : null;
  return { ...load, pager: { page: cursors.length + 1, back, forward: next ? () => setCursors([...cursors, next]) : null } };
}

// columns: { head, cell(row), num, lead }; href(row) opens a row
export function List({ path, query = {}, columns, href, watch, every, label, empty, filtered }) {
  const [cursors, setCursors] = useState([]);
  const key = JSON.stringify([path, query]);
  useEffect(() => setCursors([]), [key]);
  const given = Object.entries({ limit: SIZE, ...query, cursor: cursors.at(-1) }).filter(([, value]) => value);
  const { data, error, reload } = useLoad(path && `${path}?${new URLSearchParams(given)}`, { watch, every });
  const next = data && data.next_cursor;
  const forward = () => next && setCursors([...cursors, next]);
  const back = () => cursors.length && setCursors(cursors.slice(0, -1));
  const body = useRef(null);
  useKeys({ j: () => step(body.current, 1), k: () => step(body.current, -1), n: forward, p: back }, [next, cursors]);
  if (error && !data) return html`<${Failure} error=${error} again=${reload} />`;
  if (!data) return html`<${Loading} />`;
  if (!data.items.length && !cursors.length) {
    return filtered ? html`<${Empty} text=${T.empty.filtered} />` : html`<${Empty} ...${empty} />`;
  }
  return html`<div class="list">
    <table role="table" aria-label=${label}>
      <thead role="rowgroup"><tr role="row">${columns.map((column) => html`<th role="columnheader" scope="col" class=${column.num ? "num" : ""}>${column.head}</th>`)}</tr></thead>
      <tbody role="rowgroup" ref=${body}>
        ${data.items.map((row) => html`<${Row} key=${row.id || row.name} row=${row} columns=${columns} href=${href} />`)}
      </tbody>
    </table>
    <${Pager} page=${cursors.length + 1} back=${cursors.length ? back : null} forward=${next ? forward : null} />
  </div>`;
}

function Row({ row, columns, href }) {
  const place = href && href(row);
  const open = (event) => {
    if (place && !event.target.closest("a, button, input, select") && !String(getSelection())) location.hash = link(place);
  };
  const enter = (event) => {
    if (place && event.key === "Enter" && event.target === event.currentTarget) location.hash = link(place);
  };
  return html`<tr role="row" tabindex=${place ? 0 : -1} class=${place ? "opens" : ""} onClick=${open} onKeyDown=${enter}>
    ${columns.map((column) => html`<td role="cell" data-head=${column.head} class=${`${column.num ? "num" : ""} ${column.lead ? "lead" : ""}`}>${column.cell(row)}</td>`)}
  </tr>`;
}

export function Pager({ page, back, forward, label }) {
  if (!back && !forward) return null;
  return html`<nav class="pager" aria-label=${label ? T.pagesOf(label) : T.pages}>
    <button type="button" class="quiet" disabled=${!back} onClick=${back}>${T.back}</button>
    <span class="soft">${page}</span>
    <button type="button" class="quiet" disabled=${!forward} onClick=${forward}>${T.more}</button>
  </nav>`;
}

function step(body, by) {
  if (!body) return;
  const rows = [...body.children];
  const at = rows.indexOf(document.activeElement.closest("tr"));
  const row = rows[Math.max(0, Math.min(rows.length - 1, at + by))];
  if (row) row.focus();
}
