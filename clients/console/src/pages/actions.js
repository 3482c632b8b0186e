// What can be done to things: each says what will happen, and asks.
import { call, get, may, post } from "../api.js";
import { units, toUnits } from "../format.js";
import { go } from "../router.js";
import { isMine } from "../scope.js";
import { P } from "../texts_pages.js";

const reason = { name: "reason", label: P.claims.reason };
const plain = (title, says, path, more = {}) => ({ title, says, run: () => post(path), ...more });

export const walletOptions = (wallets) => wallets.map((one) => [one.id, `${one.name} · ${one.chain} · ${one.address.slice(0, 8)}…`]);

export function ofOrder(order, done) {
  const found = [];
  if (order.status === "open" && isMine(order) && may("order:write")) {
    found.push({ ...plain(P.orders.cancel, P.orders.cancelSays, `/orders/${order.id}/cancel`), danger: true, done });
  }
  return found;
}

export function ofClaim(claim, order, done) {
  const to = `/claims/${claim.id}`;
  const amount = `${claim.amount} ${claim.currency}`;
  const found = [];
  if (claim.status === "claimed" && order && isMine(order) && may("claim:execute")) {
    found.push({ ...plain(P.claims.process, P.claims.processSays(amount), `${to}/process`), done, primary: true });
    found.push({ title: P.claims.reject, says: P.claims.rejectSays, fields: [reason], run: (v) => post(`${to}/reject`, v), done, danger: true });
  }
  if (claim.status === "claimed" && isMine(claim) && may("claim:execute")) {
    found.push({ ...plain(P.claims.heartbeat, P.claims.heartbeatSays, `${to}/heartbeat`), done });
    found.push({ ...plain(P.claims.release, P.claims.releaseSays, `${to}/release`), done, danger: true });
  }
  if (claim.status === "failed" && may("admin:settle")) {
    found.push({ title: P.claims.retry, says: P.claims.retrySays, fields: [reason], run: (v) => post(`${to}/retry-settlement`, v), done, primary: true });
    found.push({ title: P.claims.abandon, says: P.claims.abandonSays, fields: [reason], run: (v) => post(`${to}/abandon-settlement`, v), done, danger: true });
  }
  return found;
}

export function ofSupply(supply, done) {
  if (!isMine(supply) || !may("supply:write")) return [];
  const path = `/supplies/${supply.id}`;
  const put = (status) => () => call("PUT", path, { body: { status }, version: supply.version });
  const found = [];
  if (supply.status === "active") found.push({ title: P.supplies.pause, says: P.supplies.pauseSays, run: put("paused"), done });
  if (supply.status === "paused") found.push({ title: P.supplies.activate, says: P.supplies.activateSays, run: put("active"), done });
  if (!["closed", "rejected"].includes(supply.status)) {
    found.push({ title: P.supplies.close, says: P.supplies.closeSays, danger: true, run: () => call("DELETE", path, { version: supply.version }), done });
  }
  return found;
}

export function ofTransaction(one, done) {
  const path = `/transactions/${one.id}`;
  const replaceable = ["queued", "submitted"].includes(one.status);
  const mine = isMine(one) && may("transaction:send") && !one.claim_id;
  const found = [];
  if (one.blocked_reason === "APPROVAL_REQUIRED" && !isMine(one)) {
    found.push({ ...plain(P.transactions.approve, P.transactions.approveSays, `${path}/approve`), done, primary: true });
    found.push({ ...plain(P.transactions.decline, P.transactions.declineSays, `${path}/decline`), done, danger: true });
  }
  if (replaceable && (mine || may("admin:replace"))) {
    found.push({ ...plain(P.transactions.speed, P.transactions.speedSays, `${path}/speed-up`), done });
    found.push({ ...plain(P.transactions.cancel, P.transactions.cancelSays, `${path}/cancel`), done, danger: true });
  }
  return found;
}

export const ofLane = (lane, done) =>
  lane.paused_reason === "FUNDS_BLOCKED" && may("admin:replace")
    ? [{ ...plain(P.lanes.resume, P.lanes.resumeSays, `/admin/lanes/${lane.id}/resume`), done }]
    : [];

export const ofLetter = (letter, done) =>
  letter.status === "new" && may("admin:redrive")
    ? [{ ...plain(P.letters.redrive, P.letters.redriveSays, `/dead-letters/${letter.id}/redrive`), done }]
    : [];

export const placeOrder = (currencies, done) => ({
  title: P.orders.place,
  says: P.orders.placeSays,
  fields: [
    { name: "product", label: P.orders.product },
    { name: "price", label: P.orders.price, inputmode: "decimal" },
    { name: "quantity", label: P.orders.quantity, value: "1", inputmode: "numeric" },
    { name: "currency", label: P.orders.currency, options: currencies.map((one) => [one, one]) },
    { name: "note", label: P.orders.note, help: P.orders.noteHelp, required: false },
  ],
  run: ({ product, price, quantity, currency, note }) =>
    post("/orders", {
      currency,
      items: [{ product_id: product.toLowerCase().replace(/[^a-z0-9]+/g, "-").slice(0, 60) || "item", product_name: product, price, quantity: Number(quantity) }],
      ...(note ? { note } : {}),
    }),
  done: done || ((order) => go(`orders/${order.id}`)),
});

export const createSupply = (wallets, currencies, done) => ({
  title: P.supplies.create,
  says: P.supplies.createSays,
  fields: [
    { name: "wallet_id", label: P.supplies.wallet, options: walletOptions(wallets) },
    { name: "amount", label: P.supplies.amount, inputmode: "decimal", value: "1" },
    { name: "currency", label: P.orders.currency, options: currencies.map((one) => [one, one]) },
  ],
  run: (values) => post("/supplies", { ...values, chain: wallets.find((one) => one.id === values.wallet_id).chain }),
  done: done || ((supply) => go(`supplies/${supply.id}`)),
});

export const claimOrder = (order, wallets, done) => ({
  title: P.market.claim,
  says: P.market.claimSays(`${order.amount} ${order.currency}`),
  fields: [{ name: "wallet_id", label: P.market.wallet, options: walletOptions(wallets.filter((one) => one.chain === order.chain)) }],
  run: (values) => post("/claims", { order_id: order.id, ...values }),
  done: done || ((claim) => go(`claims/${claim.id}`)),
});

export const sendCoins = (wallets, done) => ({
  title: P.transactions.send,
  says: P.transactions.sendSays,
  fields: [
    { name: "wallet_id", label: P.supplies.wallet, options: walletOptions(wallets) },
    { name: "to", label: P.transactions.to },
    { name: "value", label: P.transactions.value, inputmode: "decimal" },
  ],
  run: ({ wallet_id, to, value }) =>
    post("/transactions", { wallet_id, to, value: toUnits(value, 18) || value, chain: wallets.find((one) => one.id === wallet_id).chain }),
  done: done || ((one) => go(`transactions/${one.id}`)),
});

export const faucet = (wallet, done) => ({
  title: P.start.faucet,
  says: P.wallets.faucetSays,
  run: () => call("POST", "/sandbox/faucet", { body: { address: wallet.address, currency: "ETH" } }),
  done,
});

export const currenciesOf = async (chain) => {
  const { items } = await get("/chains");
  const found = items.filter((one) => !chain || one.name === chain).flatMap((one) => one.currencies.map((each) => each.symbol));
  return [...new Set(found)];
};

export const coins = (base) => units(base, 18);
