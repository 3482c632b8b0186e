// Wallets: balances, the policy that binds them, what came in. Recovery words are shown once and then gone.
import { useEffect, useRef, useState } from "preact/hooks";
import { call, get, may, post } from "../api.js";
import { toUnits } from "../format.js";
import { html } from "../html.js";
import { go, link } from "../router.js";
import { EVERY, everybody, isMine, listOf, money } from "../scope.js";
import { T } from "../texts.js";
import { P } from "../texts_pages.js";
import { Action, act } from "../ui/dialog.js";
import { Amount, Empty, Facts, Failure, Head, Hex, Id, Loading, Raw, Time } from "../ui/elements.js";
import { List, useFilters } from "../ui/list.js";
import { about, useLoad } from "../ui/load.js";
import { coins, faucet } from "./actions.js";
import { Plain, columnsFor } from "./orders.js";

const W = P.wallets;
const COLUMNS = [
  { head: W.name, lead: true, cell: (row) => html`<a class="title" href=${link(`wallets/${row.id}`)}>${row.name}</a>` },
  { head: P.address, cell: (row) => html`<${Hex} value=${row.address} />` },
  { head: P.chain, cell: (row) => row.chain },
  { head: "Kind", cell: (row) => row.type },
  { head: "Id", cell: (row) => html`<${Id} id=${row.id} />` },
  { head: P.user, cell: (row) => html`<${Id} id=${row.user_id} />`, all: true },
  { head: P.created, num: true, cell: (row) => html`<${Time} at=${row.created_at} />` },
];

export async function makeWallet(done) {
  const { items } = await get("/chains");
  act({
    title: W.make,
    says: W.makeSays,
    fields: [
      { name: "name", label: W.name, value: "Main" },
      { name: "chain", label: W.chain, options: items.map((one) => [one.name, one.name]) },
    ],
    run: (values) => post("/wallets", { ...values, type: "hd" }),
    done: (made) => showWords(made.mnemonic, () => (done ? done(made.wallet) : go(`wallets/${made.wallet.id}`))),
  });
}

function showWords(mnemonic, done) {
  if (!mnemonic) return done();
  const body = ({ close }) => html`<${Words} words=${mnemonic.split(" ")} close=${() => { close(); done(); }} />`;
  return act({ title: W.wordsTitle, says: W.wordsSays, stays: true, body });
}

function Words({ words, close }) {
  const [asking, setAsking] = useState(false);
  const [wrong, setWrong] = useState(false);
  const chosen = useRef(picked(words.length));
  const check = (event) => {
    event.preventDefault();
    const form = event.target.elements;
    if (chosen.current.every((at) => form[`word-${at}`].value.trim().toLowerCase() === words[at])) close();
    else setWrong(true);
  };
  if (!asking) {
    return html`<ol class="words">${words.map((word) => html`<li>${word}</li>`)}</ol>
      <div class="buttons"><button type="button" class="primary" onClick=${() => setAsking(true)}>${W.wordsDone}</button></div>`;
  }
  return html`<form onSubmit=${check}>
    <p>${W.wordsAsk}</p>
    ${chosen.current.map((at) => html`<div class="field"><label for=${`word-${at}`}>${W.wordsCheck(at + 1)}</label>
      <input id=${`word-${at}`} name=${`word-${at}`} autocomplete="off" spellcheck=${false} autocapitalize="none" required /></div>`)}
    ${wrong ? html`<div class="failure" role="alert">${W.wordsWrong}</div>` : null}
    <div class="buttons">
      <button type="button" onClick=${() => { setAsking(false); setWrong(false); }}>${T.back}</button>
      <button type="submit" class="primary">${W.wordsNext}</button>
    </div>
  </form>`;
}

function picked(length) {
  const [first, second] = crypto.getRandomValues(new Uint32Array(2));
  const low = first % length;
  return [low, (low + 1 + (second % (length - 1))) % length].sort((a, b) => a - b);
}

export function Wallets() {
  const [values] = useFilters(["address", "user_id"]);
  const make = may("wallet:write") ? html`<button type="button" class="primary" onClick=${() => makeWallet()}>${W.make}</button>` : null;
  return html`<${Head} title=${W.title}>${make}<//>
    <${List} label=${W.title} path=${listOf("wallets")} query=${everybody() ? values : {}} columns=${columnsFor(COLUMNS)} href=${(row) => `wallets/${row.id}`}
      every=${EVERY()} filtered=${values.address} empty=${{ text: W.empty, action: make }} />`;
}

export function Wallet({ id }) {
  const { data: wallet, error, reload } = useLoad(`/wallets/${id}`);
  const balances = useLoad(wallet ? `/wallets/${id}/balances` : null, { watch: about("wallet", "transaction"), every: 15 });
  const policy = useLoad(wallet ? `/wallets/${id}/policy` : null);
  const deposits = useLoad(wallet ? `/wallets/${id}/deposits?limit=20` : null, { watch: about("wallet") });
  if (error && !wallet) return html`<${Failure} error=${error} again=${reload} />`;
  if (!wallet) return html`<${Loading} />`;
  const mine = isMine(wallet) && may("wallet:write");
  return html`<${Head} title=${wallet.name} crumb=${W.title}>
      ${mine && wallet.chain === "local" ? html`<${Action} action=${faucet(wallet, balances.reload)} primary=${true} />` : null}
      ${mine && policy.data ? html`<${Action} action=${editPolicy(policy.data, policy.reload)} />` : null}
    <//>
    <${Facts} rows=${[
      [P.address, html`<${Hex} value=${wallet.address} full=${true} />`],
      [P.chain, wallet.chain],
      ["Kind", wallet.type],
      ["Id", html`<${Id} id=${wallet.id} />`],
      [P.user, html`<${Id} id=${wallet.user_id} plain=${!everybody()} />`],
      [P.created, html`<${Time} at=${wallet.created_at} />`],
    ]} />
    <section><h2>${W.balances}</h2>
      <${Failure} error=${balances.error} again=${balances.reload} />
      ${balances.data ? html`<div class="tiles">${balances.data.items.map((one) => html`<div class="card tile"><p>${one.symbol}</p><b title=${`${one.balance} base units`}>${one.formatted}</b><span class="soft">block ${one.block_number}</span></div>`)}</div>` : balances.error ? null : html`<${Loading} />`}
    </section>
    <section><h2>${W.policy}</h2>${policy.data ? html`<${Policy} policy=${policy.data} />` : html`<${Failure} error=${policy.error} />`}</section>
    <section><h2>${W.deposits}</h2>${deposits.data && deposits.data.items.length
      ? html`<${Plain} label=${W.deposits} columns=${["From", P.amount, "Currency", "Block", "Final"]} rows=${deposits.data.items.map((one) => [html`<${Hex} value=${one.from_address} />`, ...money(one.amount, one.chain, one.token_address), one.block_number, one.final ? "yes" : "not yet"])} />`
      : html`<${Empty} text=${W.noDeposits} />`}</section>
    <${Raw} value=${wallet} />`;
}

function Policy({ policy }) {
  const native = policy.limits.find((one) => one.asset === "native") || {};
  const rows = [
    policy.paused && [P.status, html`<b class="bad">${W.paused}</b>`],
    native.max_per_transaction && [W.perTransaction, coins(native.max_per_transaction)],
    native.max_per_day && [W.perDay, coins(native.max_per_day)],
    policy.approval_above !== null && [W.above, coins(policy.approval_above)],
    policy.allowed_recipients && ["Recipients", policy.allowed_recipients.map((one) => html`<div><${Hex} value=${one} /></div>`)],
    policy.allowed_contracts && ["Contracts", policy.allowed_contracts.map((one) => html`<div><${Hex} value=${one} /></div>`)],
  ].filter(Boolean);
  return html`${rows.length ? html`<${Facts} rows=${rows} />` : html`<p class="soft">${W.policyNone}</p>`}
    ${policy.pending ? html`<p class="notice">${W.policyPending} <${Time} at=${policy.pending.holds_from} />.</p>` : null}`;
}

function editPolicy(policy, done) {
  const native = policy.limits.find((one) => one.asset === "native") || {};
  const { wallet_id: id, pending, version, updated_at: at, ...rules } = policy;
  return {
    title: W.policyEdit,
    says: W.policySays,
    fields: [
      { name: "most", label: W.perTransaction, value: native.max_per_transaction ? coins(native.max_per_transaction) : "", required: false, inputmode: "decimal" },
      { name: "day", label: W.perDay, value: native.max_per_day ? coins(native.max_per_day) : "", required: false, inputmode: "decimal" },
      { name: "above", label: W.above, value: policy.approval_above ? coins(policy.approval_above) : "", required: false, inputmode: "decimal" },
      { name: "recipients", label: W.recipients, type: "lines", value: (policy.allowed_recipients || []).join("\n") },
      { name: "paused", label: W.paused, type: "flag", value: policy.paused },
    ],
    run: ({ most, day, above, recipients, paused }) => {
      const base = (text) => (text ? toUnits(text, 18) || text : null);
      const limit = { asset: "native", max_per_transaction: base(most), max_per_day: base(day) };
      const others = rules.limits.filter((one) => one.asset !== "native");
      const listed = recipients.split(/\s+/).filter(Boolean);
      const body = { ...rules, limits: most || day ? [limit, ...others] : others, approval_above: base(above), allowed_recipients: listed.length ? listed : null, paused };
      return call("PUT", `/wallets/${id}/policy`, { body, version: version || undefined });
    },
    done,
  };
}
