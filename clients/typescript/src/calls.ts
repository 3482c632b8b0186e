/** Calls of operations through openapi-fetch, with types from the API's description. */

import createClient, { type Client } from "openapi-fetch";

import { errorOf, UnreadableAnswer } from "./errors.js";
import type { operations, paths } from "./schema.js";
import type { SendOptions, Transport } from "./transport.js";

type Json<T> = T extends { content: { "application/json": infer Body } } ? Body : undefined;
type Success = 200 | 201 | 202 | 204;
type Parameters<O extends keyof operations> = operations[O]["parameters"];

/** The answer of an operation. */
export type Answer<O extends keyof operations> = {
  [S in keyof operations[O]["responses"] & Success]: Json<operations[O]["responses"][S]>;
}[keyof operations[O]["responses"] & Success];
/** The body of an operation. */
export type Body<O extends keyof operations> = Json<NonNullable<operations[O]["requestBody"]>>;
/** The query of an operation. */
export type Query<O extends keyof operations> = NonNullable<Parameters<O>["query"]>;

/** The options of every call. */
export interface CallOptions {
  /** A signal that ends the call. */
  signal?: AbortSignal;
  /** Milliseconds for the whole call, including its repetitions. */
  timeoutMs?: number;
}
/** The options of reads. `fresh`: read the newest version; otherwise an answer may be some seconds old. */
export interface ReadOptions extends CallOptions {
  fresh?: boolean;
  /** The answer is at least this version, so that you see your own change. */
  minVersion?: number;
}
/** The options of writes. */
export interface WriteOptions extends CallOptions {
  /** A repeated call with the same key takes effect once. The client creates a key if none is given. */
  idempotencyKey?: string;
  /** Change the resource only if it still has this version; otherwise throws ApiError 412. */
  ifMatch?: number;
}

export interface Call {
  path?: Record<string, string>;
  query?: Record<string, unknown> | undefined;
  body?: unknown;
  takesKey?: boolean;
  signed?: boolean;
  options?: (ReadOptions & WriteOptions) | undefined;
}

/** The operations of one kind of resource. */
export class Group {
  constructor(protected readonly api: Api) {}
}

export class Api {
  /** openapi-fetch on the same connection: `http.GET("/api/v1/orders/{order_id}", …)`. */
  readonly http: Client<paths>;

  constructor(readonly transport: Transport) {
    this.http = this.client({});
  }

  /** The answer's body. Throws ApiError, NoAnswer or UnreadableAnswer, and TypeError for an id that leads to another route. */
  async call<O extends keyof operations>(method: string, path: string, call: Call): Promise<Answer<O>> {
    const { options } = call;
    for (const [name, value] of Object.entries(call.path ?? {})) {
      if (["", ".", ".."].includes(value)) throw new TypeError(`${name} is ${value ? `"${value}"` : "empty"}`);
    }
    const sending = { signed: call.signed ?? true, timeoutMs: options?.timeoutMs, signal: options?.signal };
    const client = this.client(sending) as unknown as { request: (...all: unknown[]) => Promise<Answered> };
    const sent = client.request(method.toLowerCase(), path, {
      params: { path: call.path ?? {}, query: parameters(call.query) },
      headers: headers(call),
      ...(call.body === undefined ? {} : { body: call.body }),
    });
    const { data, response, error } = await sent.catch((cause: unknown) => {
      if (!(cause instanceof SyntaxError)) throw cause; // only an answer's body is parsed
      throw new UnreadableAnswer(`${method} ${path}: ${cause.message}`, { cause });
    });
    if (!response.ok) {
      const text = typeof error === "string" ? error : JSON.stringify(error);
      throw await errorOf(new Response(text, response));
    }
    return data as Answer<O>;
  }

  private client(sending: SendOptions): Client<paths> {
    const { baseUrl } = this.transport.options;
    return createClient<paths>({ baseUrl, fetch: (request) => this.transport.send(request, sending) });
  }
}

interface Answered {
  data?: unknown;
  error?: unknown;
  response: Response;
}

/** A value in the form in which a query contains it; lists are separated by commas. */
export function parameters(query: Record<string, unknown> | undefined): Record<string, string> {
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(given.map(([name, value]) => [name, Array.isArray(value) ? value.join(",") : String(value)]));
}

function headers(call: Call): Record<string, string> {
  const { options } = call;
  const found: Record<string, string> = {};
  if (call.takesKey) found["Idempotency-Key"] = options?.idempotencyKey ?? crypto.randomUUID();
  if (options?.ifMatch !== undefined) found["If-Match"] = `"${options.ifMatch}"`;
  if (options?.minVersion !== undefined) found["Min-Version"] = String(options.minVersion);
  if (options?.fresh) found["Cache-Control"] = "no-cache";
  return found;
}
