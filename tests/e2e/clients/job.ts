/** The demo's job by the TypeScript client, in Node and in a browser; prints what came of it as JSON. */

import { type Answer, refusedWith, WalletClient } from "web3-wallet-client";

declare const process: { env: Record<string, string> };

const { WALLET_URL: baseUrl = "", WALLET_KEY: key = "", ITEMS: items = "[]", CLAIMERS: claimers = "1" } = process.env;
const password = "correct horse battery staple";
const run = crypto.randomUUID().slice(0, 12);

const shopper = new WalletClient({ baseUrl });
await shopper.signUp(`shopper-${run}@example.com`, password);
const listening = listen();
await shopper.wallets.importWallet({ name: "till", private_key: key });
const supply = await shopper.supplies.create({ currency: "ETH", amount: "2" });
await shopper.wait.supplyActive(supply.id);
const order = await shopper.orders.place({ currency: "ETH", items: JSON.parse(items) });
const rivals = await Promise.all(Array.from({ length: Number(claimers) }, (_, number) => rival(number)));
const results = await Promise.all(rivals.map((one) => claimed(one.client)));
const index = results.findIndex((one) => one !== undefined);
const claim = results[index];
if (claim === undefined) throw new Error("nobody won");
await shopper.claims.process(claim.id);
const done = await shopper.wait.claimProcessed(claim.id);
const finished = await shopper.wait.orderCompleted(order.id);
const transaction = await shopper.wait.transactionFinal(done.settlement.payments[0]?.transaction_id ?? "");
const { available, reserved, settled } = await shopper.supplies.get(supply.id, { fresh: true });
const events = await listening;
console.log(
  JSON.stringify({
    order: finished.status,
    claim: done.status,
    winners: results.filter((one) => one !== undefined).length,
    conflicts: results.filter((one) => one === undefined).length,
    transaction: transaction.status,
    recipient: rivals[index]?.address,
    supply: { available, reserved, settled },
    events,
  }),
);

async function listen(): Promise<string[]> {
  const seen: string[] = [];
  for await (const event of shopper.events.stream()) {
    seen.push(event.type);
    if (event.type === "order.completed") break;
  }
  return seen;
}

async function rival(number: number): Promise<{ client: WalletClient; address: string }> {
  const client = new WalletClient({ baseUrl });
  await client.signUp(`rival-${number}-${run}@example.com`, password);
  const { wallet } = await client.wallets.create({ name: "payout", type: "hd" });
  return { client, address: wallet.address };
}

async function claimed(client: WalletClient): Promise<Answer<"claim_order"> | undefined> {
  try {
    return await client.claims.claimOrder({ order_id: order.id });
  } catch (error) {
    if (refusedWith(error, "ORDER_ALREADY_CLAIMED")) return undefined;
    throw error;
  }
}
