// The product's main job by hand: each step offers what comes next and follows what happens.
import { get } from "../api.js";
import { html } from "../html.js";
import { link } from "../router.js";
import { P } from "../texts_pages.js";
import { Action, begin } from "../ui/dialog.js";
import { Amount, Failure, Head, Hex, Id, Loading, Status } from "../ui/elements.js";
import { useLoad } from "../ui/load.js";
import { faucet, ofClaim } from "./actions.js";
import { startOrder } from "./orders.js";
import { startSupply } from "./supplies.js";
import { makeWallet } from "./new_wallet.js";

const S = P.start;

async function state() {
  const [wallets, supplies, orders] = await Promise.all(["/wallets", "/supplies", "/orders"].map((path) => get(`${path}?limit=5`)));
  const wallet = wallets.items.at(-1);
  const balance = wallet ? await get(`/wallets/${wallet.id}/balance`).catch(() => null) : null;
  const order = orders.items[0];
  const claim = order && order.claim_id ? await get(`/claims/${order.claim_id}`).catch(() => null) : null;
  const supply = supplies.items.find((one) => one.status === "active") || supplies.items[0];
  return { wallet, balance, supply, order, claim };
}

export function Start() {
  const { data, error, reload } = useLoad("start", { read: state, watch: () => true, every: 10 });
  if (error && !data) return html`<${Failure} error=${error} again=${reload} />`;
  if (!data) return html`<${Loading} />`;
  const { wallet, balance, supply, order, claim } = data;
  const funded = Boolean(balance && balance.balance !== "0");
  const active = Boolean(supply && ["active", "exhausted"].includes(supply.status));
  const paid = Boolean(order && order.status === "completed");
  const done = [Boolean(wallet), funded || active, active, Boolean(order), Boolean(claim), paid];
  const now = done.indexOf(false);
  const pay = claim && order ? ofClaim(claim, order, reload).find((one) => one.primary) : null;
  const bodies = {
    wallet: wallet ? html`<a href=${link(`wallets/${wallet.id}`)}>${wallet.name}</a>` : html`<button type="button" class="primary" onClick=${begin(() => makeWallet(reload))}>${P.wallets.make}</button>`,
    fund: html`${wallet ? html`<p><${Hex} value=${wallet.address} chain=${wallet.chain} /></p>` : null}${balance ? html`<${Amount} value=${balance.formatted} currency=${balance.symbol} /> ` : null}${wallet && wallet.chain === "local" && !active ? html`<${Action} action=${{ ...faucet(wallet, reload), title: S.faucet }} primary=${!funded} />` : null}`,
    supply: html`${supply
      ? html`<a href=${link(`supplies/${supply.id}`)}><${Amount} value=${supply.amount} currency=${supply.currency} /></a> <${Status} value=${supply.status} /> `
      : null}${!supply || ["rejected", "closed"].includes(supply.status)
      ? html`<button type="button" class="primary" disabled=${!funded} onClick=${begin(() => startSupply(reload))}>${P.supplies.create}</button>`
      : null}`,
    order: order
      ? html`<a href=${link(`orders/${order.id}`)}><${Amount} value=${order.amount} currency=${order.currency} /></a> <${Status} value=${order.status} />${["completed", "cancelled", "expired", "failed"].includes(order.status) ? html` <button type="button" class="quiet" onClick=${begin(() => startOrder(reload))}>${S.again}</button>` : null}`
      : html`<button type="button" class="primary" disabled=${now < 3} onClick=${begin(() => startOrder(reload))}>${P.orders.place}</button>`,
    claim: claim ? html`<${Id} id=${claim.id} /> <${Status} value=${claim.status} />` : now === 4 ? html`<p class="soft small">${S.other}</p>` : null,
    pay: paid ? html`<${Status} value="paid" />` : pay ? html`<${Action} action=${pay} primary=${true} />` : claim && claim.settlement.status !== "none" ? html`<${Status} value=${claim.settlement.status} />` : null,
  };
  return html`<${Head} title=${S.title} lead=${S.lead} />
    <ol class="steps">${Object.entries(S.steps).map(([name, [title, text]], at) => html`<li class=${done[at] ? "done" : at === now ? "now" : "later"} aria-current=${at === now ? "step" : undefined}>
      <div class="card"><h2>${title}${done[at] ? html`<span class="hidden"> (${S.done})</span>` : null}</h2><p class="soft">${text}</p><div class="step-body">${bodies[name]}</div></div></li>`)}</ol>`;
}
