// Wallets: balances, the policy that binds them, what came in.
import { may, post } from "../api.js";
import { html } from "../html.js";
import { link } from "../router.js";
import { EVERY, everybody, isMine, listOf, money } from "../scope.js";
import { P } from "../texts_pages.js";
import { Action, begin } from "../ui/dialog.js";
import { Facts, Failure, Figure, Head, Hex, Id, Loading, Raw, Time } from "../ui/elements.js";
import { Filters, List, filtering, useFilters } from "../ui/list.js";
import { about, useLoad } from "../ui/load.js";
import { faucet } from "./actions.js";
import { makeWallet } from "./new_wallet.js";
import { columnsFor } from "./orders.js";
import { Policy } from "./policy.js";
import { exportFile, exportKey, importWallet } from "./secrets.js";

const W = P.wallets;
const COLUMNS = [
  { head: W.name, lead: true, cell: (row) => html`<a class="title" href=${link(`wallets/${row.id}`)}>${row.name}</a>` },
  { head: P.address, cell: (row) => html`<${Hex} value=${row.address} chain=${row.chain} />` },
  { head: P.chain, cell: (row) => row.chain },
  { head: P.heads.kind, cell: (row) => W.kinds[row.type] || row.type },
  { head: P.heads.id, cell: (row) => html`<${Id} id=${row.id} />` },
  { head: P.user, cell: (row) => html`<${Id} id=${row.user_id} />`, all: true },
  { head: P.created, num: true, cell: (row) => html`<${Time} at=${row.created_at} />` },
];

export function Wallets() {
  const [all, set] = useFilters(["address", "user_id"]);
  const values = everybody() ? all : {}; // one's own are few, and not filtered
  const make = may("wallet:write")
    ? html`<button type="button" onClick=${begin(importWallet)}>${P.secrets.import}</button><button type="button" class="primary" onClick=${begin(makeWallet)}>${W.make}</button>`
    : null;
  return html`<${Head} title=${W.title}>${make}<//>
    <${Filters} values=${values} set=${set} />
    <${List} label=${W.title} path=${listOf("wallets")} query=${values} columns=${columnsFor(COLUMNS)} href=${(row) => `wallets/${row.id}`}
      every=${EVERY()} filtered=${filtering(values)} empty=${{ text: W.empty, action: make && html`<div class="tools">${make}</div>` }} />`;
}

const DEPOSITS = [
  { head: P.heads.from, cell: (one) => html`<${Hex} value=${one.from_address} chain=${one.chain} />` },
  { head: P.amount, num: true, cell: (one) => money(one.amount, one.chain, one.token_address)[0] },
  { head: P.heads.currency, cell: (one) => money(one.amount, one.chain, one.token_address)[1] },
  { head: P.heads.block, num: true, cell: (one) => one.block_number },
  { head: P.heads.final, cell: (one) => (one.final ? W.final : W.notFinal) },
];

export function Wallet({ id }) {
  const { data: wallet, error, reload } = useLoad(`/wallets/${id}`);
  const balances = useLoad(wallet ? `/wallets/${id}/balances` : null, { watch: about("wallet", "transaction"), every: 15 });
  const policy = useLoad(wallet ? `/wallets/${id}/policy` : null);
  if (error && !wallet) return html`<${Failure} error=${error} again=${reload} />`;
  if (!wallet) return html`<${Loading} />`;
  const mine = isMine(wallet) && may("wallet:write");
  return html`<${Head} title=${wallet.name} crumb=${html`<a href=${link("wallets")}>${W.title}</a>`}>
      ${mine && wallet.chain === "local" ? html`<${Action} action=${faucet(wallet, balances.reload)} primary=${true} />` : null}
      ${mine && wallet.unproven ? html`<${Action} action=${confirm(wallet, reload)} primary=${true} />` : null}
      <a class="button" href=${link(`policy/${id}`)}>${mine ? W.policyEdit : W.policyTry}</a>
    <//>
    ${wallet.unproven ? html`<p class="notice">${W.unproven}</p>` : null}
    <${Facts} rows=${[
      [P.address, html`<${Hex} value=${wallet.address} full=${true} chain=${wallet.chain} />`],
      [P.chain, wallet.chain],
      [P.heads.kind, W.kinds[wallet.type] || wallet.type],
      [P.heads.id, html`<${Id} id=${wallet.id} />`],
      [P.user, html`<${Id} id=${wallet.user_id} plain=${!everybody()} />`],
      [P.created, html`<${Time} at=${wallet.created_at} />`],
    ]} />
    <section><h2>${W.balances}</h2>
      <${Failure} error=${balances.error} again=${balances.reload} />
      ${balances.data ? html`<div class="tiles wide">${balances.data.items.map((one) => html`<div class="card tile"><p>${one.symbol}</p><${Figure} value=${one.formatted} title=${`${one.balance} base units`} /><span class="soft">${W.atBlock(one.block_number)}</span></div>`)}</div>` : balances.error ? null : html`<${Loading} />`}
    </section>
    <section><h2>${W.policy}</h2>${policy.data ? html`<${Policy} policy=${policy.data} />` : html`<${Failure} error=${policy.error} />`}</section>
    <section><h2>${W.deposits}</h2><${List} label=${W.deposits} path=${`/wallets/${id}/deposits`} query=${{ limit: 20 }} columns=${DEPOSITS} watch=${about("wallet")} empty=${{ text: W.noDeposits }} /></section>
    ${isMine(wallet) && may("wallet:export") ? html`<${Key} wallet=${wallet} />` : null}
    <${Raw} value=${wallet} />`;
}

const confirm = (wallet, done) => ({ title: W.confirm, says: W.confirmSays, run: () => post(`/wallets/${wallet.id}/confirm`), done });

const Key = ({ wallet }) =>
  html`<section><div class="head small-head"><h2>${P.secrets.key}</h2>
    <div class="tools"><${Action} action=${exportFile(wallet)} /><${Action} action=${exportKey(wallet)} /></div></div>
    <p class="soft">${P.secrets.keySays}</p></section>`;
