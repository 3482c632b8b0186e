export { type Answer, type Body, type CallOptions, type Query, type ReadOptions, type WriteOptions } from "./calls.js";
export { type ClientOptions, WalletClient } from "./client.js";
export {
  ApiError,
  EndedOtherwise,
  type ErrorCode,
  NoAnswer,
  refusedWith,
  UnreadableAnswer,
  WaitTimeout,
  WalletError,
  WebhookError,
} from "./errors.js";
export { Pages } from "./pages.js";
export type { components, operations, paths, webhooks } from "./schema.js";
export { type Event, EventStream, type EventType, type StreamOptions } from "./streams.js";
export type { Retries, Tokens } from "./transport.js";
export { VERSION } from "./version.js";
export { type WaitOptions } from "./waiting.js";
export { type SignOptions, signWebhook, verifyWebhook, type VerifyOptions } from "./webhooks.js";
