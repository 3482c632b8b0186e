/** Send requests: credentials, safe retries, token refresh, and one deadline for a whole call. */

import { errorOf, NoAnswer } from "./errors.js";
import type { components } from "./schema.js";

export type Tokens = components["schemas"]["Tokens"];
type Fetch = (input: Request) => Promise<Response>;

/** The number of attempts and their pauses: random, at most `firstMs` doubled for each attempt, at least Retry-After. */
export interface Retries {
  attempts: number;
  firstMs: number;
  longestMs: number;
}

export const RETRIES: Retries = { attempts: 5, firstMs: 250, longestMs: 8000 };
/** The server refused the request before it did anything. */
const REFUSED = new Set([429, 503]);
/** Timers overflow beyond 24 days, and end at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** A proxy gave up, so the outcome is unknown. */
const UNKNOWN = new Set([502, 504]);

export interface Credentials {
  apiKey?: string | undefined;
  token?: string | undefined;
  refreshToken?: string | undefined;
}

export interface SendOptions {
  signed?: boolean;
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface TransportOptions {
  baseUrl: string;
  credentials: Credentials;
  timeoutMs: number;
  retries: Retries;
  fetch: Fetch;
  onTokens?: ((tokens: Tokens) => void | Promise<void>) | undefined;
}

export class Transport {
  private renewing: Promise<void> | undefined;

  constructor(readonly options: TransportOptions) {}

  get credentials(): Credentials {
    return this.options.credentials;
  }

  /** The final answer, after retries; it may have any status. Throws NoAnswer. */
  async send(request: Request, options: SendOptions = {}): Promise<Response> {
    const until = Date.now() + (options.timeoutMs ?? this.options.timeoutMs);
    let refreshed = false;
    for (let attempt = 0; ; attempt += 1) {
      const token = this.credentials.token;
      const outcome = await this.once(request, options, until);
      if (outcome instanceof Response && outcome.status === 401 && !refreshed && this.mayRefresh(options)) {
        refreshed = true;
        await within(until, options.signal, () => this.refresh(token)); // goes on for other callers: its token works once
        attempt -= 1;
        continue;
      }
      options.signal?.throwIfAborted();
      const pause = this.pause(attempt, outcome);
      const last = attempt + 1 >= this.options.retries.attempts || Date.now() + pause > until;
      if (!mayRepeat(request, outcome) || last) {
        if (outcome instanceof Response) return outcome;
        const { message } = outcome.cause instanceof Error ? outcome.cause : outcome; // fetch hides the reason in `cause`
        throw new NoAnswer(`${request.method} ${new URL(request.url).pathname}: ${message}`, { cause: outcome });
      }
      await sleep(pause, options.signal);
    }
  }

  /** Open a connection that stays open, without a deadline and without retries. */
  async open(request: Request): Promise<Response> {
    return this.options.fetch(this.signed(request));
  }

  /** Get a new pair of tokens, unless another caller has already done so: a refresh token works once. */
  async refresh(stale: string | undefined): Promise<void> {
    if (this.credentials.token !== stale) return;
    this.renewing ??= this.renew().finally(() => {
      this.renewing = undefined;
    });
    await this.renewing;
  }

  replace(tokens: Tokens): void | Promise<void> {
    this.credentials.token = tokens.token;
    this.credentials.refreshToken = tokens.refresh_token;
    return this.options.onTokens?.(tokens);
  }

  mayRefresh(options: SendOptions = {}): boolean {
    return options.signed !== false && this.credentials.refreshToken !== undefined;
  }

  /** Milliseconds until the next attempt. */
  pause(attempt: number, outcome: Response | Error): number {
    const { firstMs, longestMs } = this.options.retries;
    const drawn = Math.random() * Math.min(longestMs, firstMs * 2 ** attempt);
    const after = outcome instanceof Response ? Number(outcome.headers.get("Retry-After") ?? 0) : 0;
    return drawn + (Number.isFinite(after) && after > 0 ? after * 1000 : 0);
  }

  private async renew(): Promise<void> {
    const request = new Request(`${this.options.baseUrl}/api/v1/auth/refresh`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ refresh_token: this.credentials.refreshToken }),
    });
    const answer = await this.send(request, { signed: false });
    if (!answer.ok) throw await errorOf(answer);
    await this.replace((await answer.json()) as Tokens);
  }

  private async once(request: Request, options: SendOptions, until: number): Promise<Response | Error> {
    try {
      return await within(until, options.signal, async (signal) => {
        const sent = options.signed === false ? request.clone() : this.signed(request);
        // A followed redirect would turn a POST into a GET, and send an API key to another host.
        const answer = await this.options.fetch(new Request(sent, { signal, redirect: "manual" }));
        const body = await answer.arrayBuffer(); // in time, too
        return new Response(body.byteLength > 0 ? body : null, answer);
      });
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  private signed(request: Request): Request {
    const copy = request.clone();
    const { token, apiKey } = this.credentials;
    if (token !== undefined) copy.headers.set("Authorization", `Bearer ${token}`);
    else if (apiKey !== undefined) copy.headers.set("X-API-Key", apiKey);
    return copy;
  }
}

/** What `work` gives, before the deadline and as long as `signal` lets it. Throws NoAnswer, or the reason of `signal`. */
export async function within<T>(until: number, signal: AbortSignal | undefined, work: (over: AbortSignal) => Promise<T>): Promise<T> {
  signal?.throwIfAborted();
  const over = new AbortController();
  const timeout = setTimeout(() => over.abort(new NoAnswer("no answer in time")), Math.min(Math.max(until - Date.now(), 1), LONGEST_TIMER_MS));
  const stop = () => over.abort(signal?.reason);
  signal?.addEventListener("abort", stop);
  // Node.js 20 drops the signal of a garbage-collected Request, so fetch alone may never end.
  const ended = new Promise<never>((_, reject) => {
    over.signal.addEventListener("abort", () => reject(over.signal.reason), { once: true });
  });
  try {
    return await Promise.race([work(over.signal), ended]);
  } finally {
    clearTimeout(timeout);
    signal?.removeEventListener("abort", stop);
  }
}

/** Whether sending again may help and is safe. */
export function mayRepeat(request: Request, outcome: Response | Error): boolean {
  if (outcome instanceof Response) {
    return REFUSED.has(outcome.status) || (UNKNOWN.has(outcome.status) && repeatable(request));
  }
  return repeatable(request);
}

/** Whether the same request may be sent again if the outcome of the first is unknown. */
function repeatable(request: Request): boolean {
  if (request.method === "POST") return request.headers.has("Idempotency-Key");
  return request.method === "GET" || !request.headers.has("If-Match");
}

export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop, { once: true });
  });
}

