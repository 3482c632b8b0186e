/** Server-Sent Events that continue automatically: after a disconnect, from the last received event on. */

import { parameters } from "./calls.js";
import { errorOf, NoAnswer } from "./errors.js";
import type { webhooks } from "./schema.js";
import { mayRepeat, sleep, type Transport } from "./transport.js";

type Sent<W> = W extends { post: { requestBody: { content: { "application/json": infer Body } } } } ? Body : never;
/** Any event, distinguished by `type`. */
export type Event = Sent<webhooks[keyof webhooks]>;
/** The names of the types of events. */
export type EventType = keyof webhooks;

export interface StreamOptions {
  /** The event types, such as `["order.completed"]` or `["order.*"]`; by default all. */
  types?: readonly string[] | string;
  /** The position to start from: the `cursor` of an earlier stream. */
  after?: string;
  /** A signal that ends the stream. */
  signal?: AbortSignal;
}

/** A connection without a byte for this long is dead; the server sends something every 15 seconds. */
const SILENCE_MS = 60_000;

/** Parses the text of a stream into events. */
export class Parser {
  cursor: string | undefined;
  retryMs = 1000;
  private rest = "";
  private id: string | undefined;
  private data: string[] = [];

  constructor(cursor?: string) {
    this.cursor = cursor;
  }

  /** The events that this piece completes. */
  *feed(piece: string): Generator<Event> {
    const lines = (this.rest + piece).split("\n");
    this.rest = lines.pop() ?? "";
    for (const line of lines) {
      const event = this.line(line.endsWith("\r") ? line.slice(0, -1) : line);
      if (event !== undefined) yield event;
    }
  }

  /** Discard the unfinished event of a broken connection; the server sends it again. */
  restart(): void {
    this.rest = "";
    this.id = undefined;
    this.data = [];
  }

  private line(line: string): Event | undefined {
    if (line === "") return this.ended();
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") this.data.push(value);
    else if (name === "id") this.id = value;
    else if (name === "retry" && /^\d+$/.test(value)) this.retryMs = Number(value);
    return undefined;
  }

  private ended(): Event | undefined {
    const data = this.data;
    this.data = [];
    if (this.id !== undefined) this.cursor = this.id;
    this.id = undefined;
    return data.length > 0 ? (JSON.parse(data.join("\n")) as Event) : undefined;
  }
}

/**
 * Events as they happen, without end: `for await (const event of stream)`; leave the loop or call `close()` to stop.
 * Once connected, the stream continues after an outage of any length. It throws ApiError if the server refuses it, and
 * the last failure if the first connection fails as often as `retries.attempts` says.
 * `cursor` is the position after the last returned event; a later stream continues there (`after`). An event may come
 * twice; its `id` is then the same.
 */
export class EventStream implements AsyncIterable<Event> {
  private readonly ended = new AbortController();
  private readonly parser: Parser;

  constructor(
    private readonly transport: Transport,
    private readonly path: string,
    private readonly options: StreamOptions = {},
  ) {
    this.parser = new Parser(options.after);
    const { signal } = options;
    if (signal?.aborted) this.close();
    signal?.addEventListener("abort", () => this.close(), { once: true });
  }

  get cursor(): string | undefined {
    return this.parser.cursor;
  }

  /** Close the connection. */
  close(): void {
    this.ended.abort();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Event> {
    let failures = 0;
    let connected = false;
    let refreshed = false;
    while (!this.ended.signal.aborted) {
      const connection = new AbortController();
      const request = this.request(connection);
      const token = this.transport.credentials.token;
      const outcome = await this.connect(request);
      if (outcome instanceof Response && outcome.ok) {
        connected = true;
        failures = 0;
        refreshed = false;
        yield* this.events(outcome, connection);
        await this.sleep(this.parser.retryMs);
      } else if (outcome instanceof Response && outcome.status === 401 && !refreshed && this.transport.mayRefresh()) {
        refreshed = true;
        await this.transport.refresh(token);
      } else if (!this.ended.signal.aborted) {
        failures += 1;
        await this.failed(request, outcome, failures, !connected && failures >= this.transport.options.retries.attempts);
      }
      connection.abort();
    }
  }

  private async connect(request: Request): Promise<Response | Error> {
    try {
      return await this.transport.open(request);
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  /** The events of one connection, until it ends or is silent for too long. */
  private async *events(answer: Response, connection: AbortController): AsyncGenerator<Event> {
    const decoder = new TextDecoder();
    const reader = answer.body?.getReader();
    this.parser.restart();
    // Node.js 20 drops the signal of a garbage-collected Request, whose abort would then leave the connection open.
    const cancel = () => void reader?.cancel().catch(() => undefined);
    connection.signal.addEventListener("abort", cancel, { once: true });
    if (connection.signal.aborted) cancel();
    try {
      while (reader !== undefined) {
        const silence = setTimeout(() => connection.abort(), SILENCE_MS);
        const read = await reader.read().catch(() => undefined); // broken: the next connection continues
        clearTimeout(silence);
        if (read === undefined || read.done) return;
        yield* this.parser.feed(decoder.decode(read.value, { stream: true }));
      }
    } finally {
      connection.abort();
    }
  }

  private request(connection: AbortController): Request {
    // The listener ends with the connection: a stream may connect for months.
    this.ended.signal.addEventListener("abort", () => connection.abort(), { once: true, signal: connection.signal });
    const url = new URL(this.transport.options.baseUrl + this.path);
    url.search = new URLSearchParams(parameters({ types: this.options.types })).toString();
    const headers = new Headers({ Accept: "text/event-stream" });
    if (this.cursor !== undefined) headers.set("Last-Event-ID", this.cursor);
    return new Request(url, { headers, signal: connection.signal, redirect: "manual" });
  }

  /** Wait before the next attempt. Throws the error of a permanently refused connection, and the last one to give up. */
  private async failed(request: Request, outcome: Response | Error, failures: number, givesUp: boolean): Promise<void> {
    if (givesUp || !mayRepeat(request, outcome)) {
      if (outcome instanceof Response) throw await errorOf(outcome);
      throw new NoAnswer(`GET ${this.path}: ${outcome.message}`, { cause: outcome });
    }
    await this.sleep(this.transport.pause(failures, outcome));
  }

  private async sleep(ms: number): Promise<void> {
    await sleep(ms, this.ended.signal).catch(() => undefined); // the stream was closed in the meantime, so the loop ends
  }
}
