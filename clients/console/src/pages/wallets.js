// Wallets: balances, the policy that binds them, what came in. Recovery words are shown once and then gone.
import { useEffect, useRef, useState } from "preact/hooks";
import { get, may, post } from "../api.js";
import { html } from "../html.js";
import { go, link } from "../router.js";
import { EVERY, everybody, isMine, listOf, money } from "../scope.js";
import { T } from "../texts.js";
import { P } from "../texts_pages.js";
import { Action, act } from "../ui/dialog.js";
import { Amount, Empty, Facts, Failure, Head, Hex, Id, Loading, Raw, Time } from "../ui/elements.js";
import { List, useFilters } from "../ui/list.js";
import { about, useLoad } from "../ui/load.js";
import { faucet } from "./actions.js";
import { Plain, columnsFor } from "./orders.js";
import { Policy } from "./policy.js";

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
  return html`<${Head} title=${wallet.name} crumb=${html`<a href=${link("wallets")}>${W.title}</a>`}>
      ${mine && wallet.chain === "local" ? html`<${Action} action=${faucet(wallet, balances.reload)} primary=${true} />` : null}
      <a class="button" href=${link(`policy/${id}`)}>${mine ? W.policyEdit : W.policyTry}</a>
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
