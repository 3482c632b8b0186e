// Contracts: what they are, reads of their views, and the events that were seen.
import { useState } from "preact/hooks";
import { post } from "../api.js";
import { html } from "../html.js";
import { link } from "../router.js";
import { P } from "../texts_pages.js";
import { Empty, Facts, Failure, Head, Hex, Id, Loading, Raw, Status, Time } from "../ui/elements.js";
import { List } from "../ui/list.js";
import { about, useLoad } from "../ui/load.js";
import { Plain } from "./orders.js";

const C = P.contracts;

export function Contracts() {
  const columns = [
    { head: P.status, cell: (row) => html`<${Status} value=${row.status} />` },
    { head: "Contract", lead: true, cell: (row) => html`<a class="title" href=${link(`contracts/${row.id}`)}>${row.name}</a>` },
    { head: "Kind", cell: (row) => row.type },
    { head: P.address, cell: (row) => html`<${Hex} value=${row.address} />` },
    { head: P.chain, cell: (row) => row.chain },
    { head: P.created, num: true, cell: (row) => html`<${Time} at=${row.created_at} />` },
  ];
  return html`<${Head} title=${C.title} />
    <${List} label=${C.title} path="/contracts" columns=${columns} href=${(row) => `contracts/${row.id}`} watch=${about("contract")} empty=${{ text: C.empty }} />`;
}

export function Contract({ id }) {
  const { data: one, error, reload } = useLoad(`/contracts/${id}`, { watch: (event) => event.subject === id });
  const events = useLoad(one && one.address ? `/contracts/${id}/events?limit=20` : null, { watch: about("contract") });
  if (error && !one) return html`<${Failure} error=${error} again=${reload} />`;
  if (!one) return html`<${Loading} />`;
  const views = (one.abi || []).filter((entry) => entry.type === "function" && ["view", "pure"].includes(entry.stateMutability));
  return html`<${Head} title=${one.name} crumb=${C.title} />
    <${Facts} rows=${[
      [P.status, html`<${Status} value=${one.status} />`],
      [P.address, html`<${Hex} value=${one.address} full=${true} />`],
      ["Kind", one.type],
      [P.chain, one.chain],
      ["Id", html`<${Id} id=${one.id} />`],
      one.transaction_id && ["Deployed by", html`<${Id} id=${one.transaction_id} />`],
    ]} />
    ${views.length ? html`<section><h2>${C.read}</h2>${views.map((entry) => html`<${View} id=${id} entry=${entry} />`)}</section>` : null}
    <section><h2>${C.events}</h2>${events.data && events.data.items.length
      ? html`<${Plain} columns=${["Event", "Arguments", "Block"]} rows=${events.data.items.map((event) => [event.event || event.name, JSON.stringify(event.arguments), event.block_number])} />`
      : html`<${Empty} text=${C.noEvents} />`}</section>
    <${Raw} value=${one} />`;
}

function View({ id, entry }) {
  const [state, setState] = useState({ result: undefined, error: null });
  const signature = `${entry.name}(${entry.inputs.map((input) => input.type).join(",")})`;
  const run = async (event) => {
    event.preventDefault();
    const form = event.target.elements;
    const given = entry.inputs.map((input, at) => value(form[`argument-${at}`].value.trim(), input.type));
    try {
      setState({ result: (await post(`/contracts/${id}/call`, { method: signature, arguments: given })).result, error: null });
    } catch (error) {
      setState({ result: undefined, error });
    }
  };
  return html`<form class="card call" onSubmit=${run}>
    <code>${signature}</code>
    ${entry.inputs.map((input, at) => html`<label><span class="hidden">${input.name || input.type}</span><input name=${`argument-${at}`} placeholder=${`${input.name || ""} ${input.type}`} required /></label>`)}
    <button type="submit">${C.call}</button>
    <output>${state.result !== undefined ? JSON.stringify(state.result) : ""}</output>
    <${Failure} error=${state.error} />
  </form>`;
}

function value(text, type) {
  if (type === "bool") return text === "true";
  if (!/[[(]|tuple/.test(type)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
