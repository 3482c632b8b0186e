// Contracts: what they are, how far they are followed, reads and writes by their ABI, and the events that were seen.
import { useState } from "preact/hooks";
import { call, get, may, post } from "../api.js";
import { toUnits } from "../format.js";
import { html } from "../html.js";
import { go, link } from "../router.js";
import { isMine } from "../scope.js";
import { T } from "../texts.js";
import { P } from "../texts_pages.js";
import { Action, act, begin } from "../ui/dialog.js";
import { Empty, Facts, Failure, Head, Hex, Id, Loading, Raw, Status, Time } from "../ui/elements.js";
import { List } from "../ui/list.js";
import { about, useLoad } from "../ui/load.js";
import { walletOptions } from "./actions.js";
import { withWallets } from "./new_wallet.js";

const C = P.contracts;
const TYPES = ["erc20", "erc721", "erc1155", "custom"];
const READS = ["view", "pure"];
const inputsOf = (entry) => entry.inputs || [];
const signatureOf = (entry) => `${entry.name}(${inputsOf(entry).map(typeOf).join(",")})`;
const typeOf = ({ type, components }) => (type.startsWith("tuple") ? `(${components.map(typeOf).join(",")})${type.slice(5)}` : type);

async function startImport() {
  const { items } = await get("/chains");
  act({
    title: C.import,
    says: C.importSays,
    fields: [
      { name: "name", label: P.wallets.name },
      { name: "address", label: P.address },
      { name: "chain", label: P.chain, options: items.map((one) => [one.name, one.name]) },
      { name: "type", label: C.kind, options: TYPES.map((one) => [one, one]) },
      { name: "abi", label: C.abi, type: "lines", help: C.abiHelp },
    ],
    run: ({ abi, ...values }) => post("/contracts/import", { ...values, ...(abi ? { abi: JSON.parse(abi) } : {}) }),
    done: (made) => go(`contracts/${made.id}`),
  });
}

export function Contracts() {
  const columns = [
    { head: P.status, cell: (row) => html`<${Status} value=${row.status} />` },
    { head: P.heads.contract, lead: true, cell: (row) => html`<a class="title" href=${link(`contracts/${row.id}`)}>${row.name}</a>` },
    { head: C.kind, cell: (row) => row.type },
    { head: P.address, cell: (row) => html`<${Hex} value=${row.address} chain=${row.chain} />` },
    { head: P.chain, cell: (row) => row.chain },
    { head: P.created, num: true, cell: (row) => html`<${Time} at=${row.created_at} />` },
  ];
  const make = may("contract:write") ? html`<button type="button" class="primary" onClick=${begin(startImport)}>${C.import}</button>` : null;
  return html`<${Head} title=${C.title}>${make}<//>
    <${List} label=${C.title} path="/contracts" columns=${columns} href=${(row) => `contracts/${row.id}`} watch=${about("contract")} empty=${{ text: C.empty, action: make }} />`;
}

// An event that the ABI does not have is shown by its topics.
const EVENTS = [
  { head: P.heads.event, cell: (event) => event.event || html`<code>${event.topics[0] ? event.topics[0].slice(0, 10) : T.none}</code>` },
  { head: P.heads.arguments, cell: (event) => html`<code class="small">${JSON.stringify(event.arguments ?? event.topics.slice(1))}</code>` },
  { head: P.heads.block, num: true, cell: (event) => event.block_number },
];

export function Contract({ id }) {
  const { data: one, error, reload } = useLoad(`/contracts/${id}`, { watch: (event) => event.subject === id });
  const follow = useLoad(one && one.address ? `/contracts/${id}/follow` : null, { watch: about("contract"), every: 10 });
  if (error && !one) return html`<${Failure} error=${error} again=${reload} />`;
  if (!one) return html`<${Loading} />`;
  const functions = (one.abi || []).filter((entry) => entry.type === "function");
  const reads = functions.filter((entry) => READS.includes(entry.stateMutability));
  const writes = functions.filter((entry) => !READS.includes(entry.stateMutability));
  const mine = isMine(one) && may("contract:write") && one.address;
  return html`<${Head} title=${one.name} crumb=${html`<a href=${link("contracts")}>${C.title}</a>`}>
      ${mine && follow.error && follow.error.code === "NOT_FOLLOWED" ? html`<${Action} action=${startFollow(id, follow.reload)} primary=${true} />` : null}
      ${mine && follow.data && !follow.error ? html`<${Action} action=${endFollow(id, follow.reload)} />` : null}
      ${isMine(one) && may("contract:write") && one.status !== "deploying" ? html`<${Action} action=${remove(id)} />` : null}
    <//>
    <${Facts} rows=${[
      [P.status, html`<${Status} value=${one.status} />`],
      [P.address, html`<${Hex} value=${one.address} full=${true} chain=${one.chain} />`],
      [C.kind, one.type],
      [P.chain, one.chain],
      [P.heads.id, html`<${Id} id=${one.id} plain=${true} />`],
      one.transaction_id && [P.heads.deployedBy, html`<${Id} id=${one.transaction_id} />`],
      ...followed(follow.error ? null : follow.data),
    ]} />
    ${reads.length ? html`<section><h2>${C.read}</h2><div class="calls">${reads.map((entry) => html`<${View} key=${signatureOf(entry)} id=${id} entry=${entry} />`)}</div></section>` : null}
    ${mine && writes.length ? html`<section><h2>${C.write}</h2><p class="soft small">${C.writeLead}</p><div class="calls">${writes.map((entry) => html`<${Write} key=${signatureOf(entry)} contract=${one} entry=${entry} />`)}</div></section>` : null}
    <section><h2>${C.events}</h2>${follow.data && !follow.error
      ? html`<${List} label=${C.events} path=${`/contracts/${id}/events`} query=${{ limit: 20 }} columns=${EVENTS} watch=${about("contract")} every=${10} empty=${{ text: C.noEvents }} />`
      : html`<${Empty} text=${C.noEvents} />`}
      ${follow.error && follow.error.code !== "NOT_FOLLOWED" ? html`<${Failure} error=${follow.error} again=${follow.reload} />` : null}</section>
    <${Raw} value=${one} />`;
}

const startFollow = (id, done) => ({ title: C.follow, says: C.followSays, run: () => call("PUT", `/contracts/${id}/follow`, { body: {} }), done });
const endFollow = (id, done) => ({ title: C.unfollow, says: C.unfollowSays, danger: true, run: () => call("DELETE", `/contracts/${id}/follow`, {}), done });

const remove = (id) => ({ title: C.delete, says: C.deleteSays, danger: true, run: () => call("DELETE", `/contracts/${id}`, {}), done: () => go("contracts") });

function followed(state) {
  if (!state) return [];
  const { from_block: from, filled_to: to, blocks_missing: missing, fault, index } = state;
  const behind = index ? Math.max(0, index.head - index.indexed_to) : null;
  return [
    [C.range, `${from} – ${to ?? from}${missing ? `, ${C.missing(missing)}` : ""}`],
    behind !== null && [C.lag, behind ? C.blocks(behind) : C.upToDate],
    (fault || (index && index.fault)) && [C.fault, html`<b class="bad">${C.faults[fault || index.fault] || fault || index.fault}</b>`],
  ];
}

function Arguments({ entry }) {
  return html`${inputsOf(entry).map((input, at) => html`<label><span class="small soft">${input.name || C.argument(at + 1)} <code>${typeOf(input)}</code></span>
    <input name=${`argument-${at}`} placeholder=${EXAMPLES(input.type)} required spellcheck=${false} autocomplete="off" /></label>`)}`;
}

const EXAMPLES = (type) => (/[[(]|tuple/.test(type) ? "[…]" : type === "bool" ? "true" : type === "address" ? "0x…" : type.includes("int") ? "0" : "");
const given = (entry, form) => inputsOf(entry).map((input, at) => value(form[`argument-${at}`].value.trim(), input.type));

function View({ id, entry }) {
  const [state, setState] = useState({ result: undefined, error: null });
  const run = async (event) => {
    event.preventDefault();
    try {
      const body = { method: signatureOf(entry), arguments: given(entry, event.target.elements) };
      const { result } = await call("POST", `/contracts/${id}/call`, { body });
      setState({ result, error: null });
    } catch (error) {
      setState({ result: undefined, error });
    }
  };
  return html`<form class="card call" onSubmit=${run} aria-label=${signatureOf(entry)}>
    <code class="signature">${signatureOf(entry)}</code>
    <${Arguments} entry=${entry} />
    <button type="submit">${C.call}</button>
    ${state.result !== undefined ? html`<output>${typeof state.result === "string" ? state.result : JSON.stringify(state.result)}</output>` : null}
    <${Failure} error=${state.error} />
  </form>`;
}

function Write({ contract, entry }) {
  const [error, setError] = useState(null);
  const payable = entry.stateMutability === "payable";
  const run = async (event) => {
    event.preventDefault();
    setError(null);
    const parameters = given(entry, event.target.elements);
    try {
      await withWallets((wallets) => act(sending({ contract, entry, payable, parameters, wallets })), contract.chain);
    } catch (failure) {
      setError(failure);
    }
  };
  return html`<form class="card call" onSubmit=${run} aria-label=${signatureOf(entry)}>
    <code class="signature">${signatureOf(entry)}</code>
    <${Arguments} entry=${entry} />
    <button type="submit">${C.send}</button>
    <${Failure} error=${error} />
  </form>`;
}

const sending = ({ contract, entry, payable, parameters, wallets }) => ({
  title: C.sendTitle(entry.name),
  says: C.sendSays(contract.name, parameters.length ? parameters.map((one) => (typeof one === "string" ? one : JSON.stringify(one))).join(", ") : C.nothing),
  go: C.send,
  fields: [
    { name: "wallet_id", label: P.supplies.wallet, options: walletOptions(wallets) },
    ...(payable ? [{ name: "value", label: C.value, value: "0", inputmode: "decimal" }] : []),
  ],
  run: ({ wallet_id, value: coins }) =>
    post(`/contracts/${contract.id}/send`, { wallet_id, method: signatureOf(entry), arguments: parameters, ...(payable ? { value: toUnits(coins, 18) || coins } : {}) }),
  done: (sent) => go(`transactions/${sent.id}`),
});

function value(text, type) {
  if (type === "bool") return text === "true";
  if (!/[[(]|tuple/.test(type)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
