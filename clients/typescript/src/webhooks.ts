/** Verify that a webhook is genuine, or sign one for a test: Standard Webhooks with the signature `v1`, HMAC-SHA256. */

import { WebhookError } from "./errors.js";
import type { Event } from "./streams.js";

export interface VerifyOptions {
  /** Maximum difference in seconds between the webhook's time and the clock. */
  toleranceSeconds?: number;
  /** The current time in seconds since 1970; by default that of the clock. */
  now?: number;
}

export interface SignOptions {
  /** The webhook's id; by default a new one. */
  webhookId?: string;
  /** The time in seconds since 1970; by default that of the clock. */
  now?: number;
}

type HeadersLike = Headers | Record<string, string | string[] | undefined>;

/**
 * Verify a webhook and return its event. Throws WebhookError, and TypeError for a secret that is none.
 *
 * `body` is the received body, byte for byte, before any parsing. During the rotation of a secret, pass both secrets.
 * The same webhook may come twice: store its `webhook-id` for the duration of the tolerance, or the event's `id`.
 */
export async function verifyWebhook(
  body: string | Uint8Array,
  headers: HeadersLike,
  secret: string | readonly string[],
  { toleranceSeconds = 300, now = Date.now() / 1000 }: VerifyOptions = {},
): Promise<Event> {
  const id = header(headers, "webhook-id");
  const timestamp = header(headers, "webhook-timestamp");
  const given = header(headers, "webhook-signature");
  if (!/^\d{1,12}$/.test(timestamp)) throw new WebhookError("webhook-timestamp is no time");
  if (Math.abs(now - Number(timestamp)) > toleranceSeconds) throw new WebhookError("it is too old, or of the future");
  const content = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const signed = signedBytes(id, timestamp, content);
  const keys = await Promise.all([secret].flat().map(imported));
  const signatures = given.split(" ").filter((one) => one.startsWith("v1,"));
  let genuine = false;
  for (const key of keys) {
    for (const signature of signatures) {
      const found = bytes(signature.slice(3));
      // `verify` compares in constant time, and every pair is compared.
      if (found !== undefined && (await crypto.subtle.verify("HMAC", key, found, signed))) genuine = true;
    }
  }
  if (!genuine) throw new WebhookError("no signature fits");
  return parsed(content);
}

/**
 * The headers with which `verifyWebhook` accepts this body, to test a receiver without a server. Throws TypeError for a
 * secret that is none.
 */
export async function signWebhook(
  body: string | Uint8Array,
  secret: string,
  { webhookId = `msg_${crypto.randomUUID()}`, now = Date.now() / 1000 }: SignOptions = {},
): Promise<Record<string, string>> {
  const timestamp = String(Math.trunc(now));
  const content = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const digest = await crypto.subtle.sign("HMAC", await imported(secret), signedBytes(webhookId, timestamp, content));
  const signature = `v1,${btoa(String.fromCharCode(...new Uint8Array(digest)))}`;
  return { "webhook-id": webhookId, "webhook-timestamp": timestamp, "webhook-signature": signature };
}

function signedBytes(id: string, timestamp: string, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = new TextEncoder().encode(`${id}.${timestamp}.`);
  const signed = new Uint8Array(head.length + content.length);
  signed.set(head);
  signed.set(content, head.length);
  return signed;
}

function parsed(content: Uint8Array): Event {
  try {
    const event = JSON.parse(new TextDecoder().decode(content)) as Event | null;
    if (typeof event?.type === "string") return event;
  } catch {
    // below
  }
  throw new WebhookError("the body is no event");
}

function header(headers: HeadersLike, name: string): string {
  const value =
    headers instanceof Headers
      ? headers.get(name)
      : Object.entries(headers).find(([one]) => one.toLowerCase() === name)?.[1];
  const text = Array.isArray(value) ? value.join(" ") : value;
  if (!text) throw new WebhookError(`the header ${name} is missing`);
  return text;
}

async function imported(secret: string): Promise<CryptoKey> {
  const key = bytes(secret.replace(/^whsec_/, ""));
  if (key === undefined || key.length === 0) throw new TypeError("a webhook's secret begins with whsec_ and is base64");
  return crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
}

function bytes(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  } catch {
    return undefined;
  }
}
