/** All errors of the package: WalletError, with the subclasses ApiError, NoAnswer, UnreadableAnswer, WaitTimeout, EndedOtherwise and WebhookError. */

import type { components } from "./schema.js";

/** The closed list of codes; a newer server may have others. */
export type ErrorCode = components["schemas"]["Error"]["error"]["code"];

/** The base of all errors that this package itself throws. */
export class WalletError extends Error {
  override name = "WalletError";
}

interface ErrorBody {
  code?: string;
  message?: string;
  details?: { field: string; message: string }[];
  data?: Record<string, unknown>;
  request_id?: string;
  doc_url?: string;
}

/**
 * A refusal: the API answered with status 400 or above. Programs use `code`; `data` explains it; `details` lists the
 * wrong fields; `requestId` identifies the request in the server's logs; `docUrl` explains the code.
 */
export class ApiError extends WalletError {
  override name = "ApiError";
  readonly code: ErrorCode | (string & {});
  readonly details: { field: string; message: string }[];
  readonly data: Record<string, unknown>;
  readonly requestId: string | undefined;
  readonly docUrl: string | undefined;

  constructor(
    readonly status: number,
    body: ErrorBody,
    /** Seconds to wait before the request is sent again. */
    readonly retryAfter?: number,
  ) {
    super(`${status} ${body.code ?? "UNKNOWN"}: ${body.message ?? ""} [${body.request_id ?? "?"}]`);
    this.code = body.code ?? "UNKNOWN";
    this.details = body.details ?? [];
    this.data = body.data ?? {};
    this.requestId = body.request_id;
    this.docUrl = body.doc_url;
  }
}

/** Whether an error is a refusal with one of these codes. */
export function refusedWith(error: unknown, ...codes: ErrorCode[]): error is ApiError {
  return error instanceof ApiError && (codes as string[]).includes(error.code);
}

/**
 * No answer came in time, or the connection failed; `cause` is the reason. Without an idempotency key, it is unknown
 * whether a POST took effect; with one, send it again.
 */
export class NoAnswer extends WalletError {
  override name = "NoAnswer";
}

/**
 * The status says success, but the body is not JSON: it comes from a proxy, for example. It is unknown whether the call
 * took effect, as with NoAnswer; `cause` is the reason.
 */
export class UnreadableAnswer extends WalletError {
  override name = "UnreadableAnswer";
}

/** The expected state was not reached in time; `resource` is the last received state. */
export class WaitTimeout extends WalletError {
  override name = "WaitTimeout";
  constructor(
    text: string,
    readonly resource: unknown,
  ) {
    super(text);
  }
}

/** The expected state cannot be reached any more: `resource` has ended in another state. */
export class EndedOtherwise extends WalletError {
  override name = "EndedOtherwise";
  constructor(
    text: string,
    readonly resource: unknown,
  ) {
    super(text);
  }
}

/** The webhook is not genuine, too old, or not an event. Answer it with 400 and do nothing else. */
export class WebhookError extends WalletError {
  override name = "WebhookError";
}

/** The error of an answer; an answer that is not the API's own (a proxy's page) has the code UNKNOWN. */
export async function errorOf(answer: Response): Promise<ApiError> {
  const text = await answer.text();
  const after = answer.headers.get("Retry-After");
  const seconds = after === null || after === "" ? Number.NaN : Number(after);
  const retryAfter = Number.isFinite(seconds) ? Math.max(seconds, 0) : undefined;
  try {
    const error = (JSON.parse(text) as { error: ErrorBody }).error;
    if (typeof error.code === "string") return new ApiError(answer.status, error, retryAfter);
  } catch {
    // not the API's own answer
  }
  const id = answer.headers.get("X-Request-Id");
  const redirect = answer.headers.get("Location");
  const message = redirect === null ? text.slice(0, 200) : `the server redirects to ${redirect}: is that the baseUrl?`;
  return new ApiError(answer.status, { message, ...(id ? { request_id: id } : {}) }, retryAfter);
}
