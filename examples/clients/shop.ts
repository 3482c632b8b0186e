/**
 * A shop and a claimer with the TypeScript client: an order is found by the shop's own metadata, claimed and paid.
 * The same as shop.py, for Node.js; examples/README.md says how to run it. It calls the product at WALLET_URL.
 */

import { refusedWith, WalletClient } from "web3-wallet-client";

declare const process: { env: Record<string, string | undefined> };

const baseUrl = process.env.WALLET_URL ?? "http://127.0.0.1:8080";
// The first account of the local node's well-known development mnemonic, worthless elsewhere.
const developmentKey = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

async function signedUp(name: string): Promise<WalletClient> {
  const client = new WalletClient({ baseUrl });
  await client.signUp(`${name}-${crypto.randomUUID().slice(0, 12)}@example.com`, "correct horse battery staple");
  return client;
}

const shop = await signedUp("shop");
const claimer = await signedUp("claimer");
await shop.wallets.importWallet({ name: "till", private_key: process.env.PRIVATE_KEY ?? developmentKey });
const supply = await shop.supplies.create({ currency: "ETH", amount: "0.5" });
await shop.wait.supplyActive(supply.id);
const items = [{ product_id: "sku-1", product_name: "Notebook", price: "0.1", quantity: 2 }];
const order = await shop.orders.place({ currency: "ETH", items, metadata: { invoice: "4711" } });
await shop.orders.update(order.id, { metadata: { invoice: "4711", state: "offered" } });
const found: string[] = [];
for await (const one of shop.orders.list({ metadata: "state:offered" })) found.push(one.id);
console.log("found by its metadata:", found.length === 1 && found[0] === order.id);
try {
  await shop.claims.claimOrder({ order_id: order.id });
} catch (error) {
  if (!refusedWith(error, "OWN_ORDER")) throw error;
  console.log("the shop may not claim it: OWN_ORDER");
}
await claimer.wallets.create({ name: "payout", type: "hd" });
const claim = await claimer.claims.claimOrder({ order_id: order.id });
await shop.claims.process(claim.id);
for await (const event of shop.events.stream({ types: ["order.completed"] })) {
  console.log("event:", event.type);
  break;
}
console.log("paid:", (await claimer.wait.claimProcessed(claim.id)).settlement.status);
