/**
 * Receive webhooks on this machine: verify each one, print it, and ignore repetitions. Ctrl-C ends it.
 * The same as webhooks.py, for Node.js; examples/README.md says how to run it.
 *
 * With WALLET_API_KEY (scopes webhook:write and event:read) it receives the events of the key's owner; without one it
 * signs up a new user. It asks for a test event at the start. A deployed product delivers to public https addresses only.
 */

import { createServer, type IncomingMessage } from "node:http";
import process from "node:process";

import { verifyWebhook, WalletClient, WebhookError } from "web3-wallet-client";

const secrets: string[] = []; // empty until the endpoint exists; a delivery before that is refused, and comes again
const seen = new Set<string>(); // the ids of handled events; a real receiver stores these for some days

/** Handle one delivery, and return the status to answer. */
async function received(request: IncomingMessage): Promise<number> {
  request.setEncoding("utf8");
  let body = "";
  for await (const piece of request) body += piece;
  try {
    const event = await verifyWebhook(body, request.headers, secrets);
    if (!seen.has(event.id)) console.log(event.type, event.subject);
    seen.add(event.id);
    return 204;
  } catch (error) {
    if (!(error instanceof WebhookError)) throw error;
    console.log("refused:", error.message);
    return 400;
  }
}

const server = createServer((request, response) => {
  void received(request).then((status) => response.writeHead(status).end());
});
await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
const { port } = server.address() as { port: number };

const baseUrl = process.env.WALLET_URL ?? "http://127.0.0.1:8080";
const apiKey = process.env.WALLET_API_KEY;
const client = new WalletClient(apiKey ? { baseUrl, apiKey } : { baseUrl });
if (!apiKey) {
  await client.signUp(`hooks-${crypto.randomUUID().slice(0, 12)}@example.com`, "correct horse battery staple");
}
const url = `http://127.0.0.1:${port}/hooks`;
const endpoint = await client.webhooks.create({ url, event_types: ["*"] });
secrets.push(endpoint.secret ?? ""); // shown only in this answer
process.once("SIGINT", () => {
  void client.webhooks.delete(endpoint.id).then(() => {
    server.close(() => console.log("stopped")); // what has arrived is handled to its end
  });
});
console.log(`receiving at ${url}; Ctrl-C ends`);
await client.webhooks.test(endpoint.id);
