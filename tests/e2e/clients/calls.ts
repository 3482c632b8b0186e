/** Makes the calls that its input names, one a line, and prints what came of each. */

import { signWebhook, verifyWebhook, WalletClient, WalletError } from "web3-wallet-client";

declare const process: { stdin: AsyncIterable<Uint8Array> };

interface Call {
  call: string;
  url: string;
  refresh?: string;
  timeout?: number;
  within?: number;
  key?: string;
  after?: string;
  count: number;
  body: string;
  headers: Record<string, string>;
  secrets: string[];
  now: number;
}

const items = [{ product_id: "a", product_name: "b", price: "1", quantity: 1 }];

async function made(input: Call): Promise<unknown> {
  const kept: string[] = [];
  const client = new WalletClient({
    baseUrl: input.url,
    token: "old",
    ...(input.refresh ? { refreshToken: input.refresh } : {}),
    timeoutMs: (input.timeout ?? 30) * 1000,
    retries: { attempts: 4, firstMs: 20, longestMs: 100 },
    onTokens: (tokens) => void kept.push(tokens.refresh_token),
  });
  switch (input.call) {
    case "place":
      return (await client.orders.place({ currency: "ETH", items }, input.key ? { idempotencyKey: input.key } : {})).id;
    case "get":
      return (await client.orders.get("ord_1/../x", input.within ? { timeoutMs: input.within * 1000 } : {})).id;
    case "sign_out":
      await client.signOut().catch(() => undefined);
      return client.transport.credentials.token ?? "none";
    case "empty":
      return Promise.all(["", ".."].map((id) => client.orders.get(id).catch((error: Error) => error.name)));
    case "wait":
      return (await client.wait.orderCompleted("ord_1", { timeoutMs: (input.within ?? 30) * 1000 })).id;
    case "update":
      return (await client.orders.update("ord_1", { note: null }, { ifMatch: 1 })).id;
    case "login":
      return (await client.auth.login({ email: "a@example.com", password: "correct horse" })).token;
    case "many": {
      const orders = await Promise.all(Array.from({ length: 5 }, () => client.orders.get("ord_1")));
      return [orders.map((one) => one.id), kept];
    }
    case "list": {
      const found: string[] = [];
      for await (const one of client.orders.list({ status: "open", limit: 2 })) found.push(one.id);
      return found;
    }
    case "stream": {
      const found: unknown[] = [];
      const stream = client.events.stream({ types: ["order.*"], ...(input.after ? { after: input.after } : {}) });
      for await (const event of stream) {
        found.push((event.data as { note?: string }).note);
        if (found.length === input.count) break;
      }
      return [found, stream.cursor];
    }
    case "confirmed":
      return (await client.wait.transactionConfirmed("txn_1")).status;
    case "sign":
      return signWebhook(input.body, input.secrets[0] ?? "", { webhookId: "msg_1", now: input.now });
    default:
      return (await verifyWebhook(input.body, input.headers, input.secrets, { now: input.now })).type;
  }
}

let rest = "";
for await (const piece of process.stdin) {
  const lines = (rest + new TextDecoder().decode(piece)).split("\n");
  rest = lines.pop() ?? "";
  for (const line of lines) {
    try {
      console.log(JSON.stringify({ answer: await made(JSON.parse(line) as Call) }));
    } catch (error) {
      if (!(error instanceof WalletError)) throw error;
      console.log(JSON.stringify({ error: "code" in error ? error.code : error.name }));
    }
  }
}
