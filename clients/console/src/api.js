// Calls to the API. The access token lives in this module alone, the refresh token in a cookie that no script reads.
import { withKey } from "./idempotency.js";
import { observable } from "./observable.js";
import { T } from "./texts.js";

const WRONG = ["INVALID_CREDENTIALS", "ONE_TIME_CODE_INVALID", "PASSKEY_INVALID"]; // 401 for what was typed, not for the sign-in
const AGAIN = 4; // times that a read is repeated while the API is busy
const PATIENCE = 60_000; // milliseconds for one answer
export const session = observable({ state: "starting", me: null, ended: false });
export const chains = observable([]); // what everybody may know of the chains that are served
export const trouble = observable(null); // { kind, seconds } while the API is not answering as it should
let access = null;
let prove = null; // asks the person to prove who they are; set by the dialog for it

export class ApiError extends Error {
  constructor(status, error, retryAfter) {
    super(error.message || T.errors.unknown);
    this.status = status;
    this.code = error.code || "UNKNOWN";
    this.details = error.details || [];
    this.data = error.data || {};
    this.requestId = error.request_id || "";
    this.retryAfter = retryAfter;
  }
}

export const onProof = (ask) => {
  prove = ask;
};
const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

export async function get(path, options = {}) {
  return call("GET", path, options);
}

// For routes that take an Idempotency-Key, so that a lost answer is no reason to do anything twice.
export async function post(path, body = {}) {
  return withKey(path, body, (key) => call("POST", path, { body, key }));
}

export async function call(method, path, options = {}) {
  let refreshed = false;
  let stale = false; // whether the token was refused
  for (let turn = 0; ; turn += 1) {
    try {
      if (!options.open) await fresh(stale);
      stale = false;
      const answer = await once(method, path, options);
      if (trouble.get()) trouble.set(null);
      return answer;
    } catch (error) {
      const over = error.status === 401 && !options.open && !WRONG.includes(error.code);
      if (over && !refreshed && access) {
        refreshed = true;
        stale = true;
        continue;
      }
      if (over) {
        ended();
        throw error;
      }
      if (error.code === "STEP_UP_REQUIRED" && prove && !options.proven && (await prove(error.data.prove))) {
        return call(method, path, { ...options, proven: true });
      }
      if (!busy(error) || turn >= AGAIN || (method !== "GET" && !options.key)) throw error;
      await calm(error, turn);
    }
  }
}

// Says that the API is busy, and waits as long as it asks for.
async function calm(error, turn) {
  const seconds = Math.min(30, error.retryAfter || 0.5 * 2 ** turn);
  trouble.set({ kind: error.status === 429 ? "limited" : "unavailable", seconds });
  await pause(seconds + Math.random() * 0.3);
}

// Marks that turn the direction of text would let a name read as another one.
const TURNS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const shown = (_, value) => (typeof value === "string" ? value.replace(TURNS, "\ufffd") : value);

const busy = (error) => [429, 502, 503, 504].includes(error.status) || error.code === "NETWORK";

async function once(method, path, { body, key, version, open }) {
  const headers = {};
  if (!open && access) headers.Authorization = `Bearer ${access.token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  if (version) headers["If-Match"] = `"${version}"`;
  if (method === "GET") headers["Cache-Control"] = "no-cache";
  const url = path.startsWith("/console") ? path : `/api/v1${path}`;
  let response;
  let text;
  try {
    response = await fetch(url, { method, headers, body: body && JSON.stringify(body), signal: AbortSignal.timeout(PATIENCE), cache: "no-store" });
    text = await response.text();
  } catch {
    throw new ApiError(0, { code: "NETWORK", message: T.errors.network });
  }
  let answer = null;
  try {
    answer = text ? JSON.parse(text, shown) : null;
  } catch {
    answer = null; // a proxy's page, or another release's
  }
  if (response.ok) return answer;
  const requestId = response.headers.get("X-Request-Id");
  const error = { request_id: requestId, ...(answer && answer.error) };
  throw new ApiError(response.status, error, Number(response.headers.get("Retry-After")) || 0);
}

// One tab after another: each use of the cookie replaces it, and an older one would end the sign-in.
const alone = (work) => (navigator.locks ? navigator.locks.request("console session", work) : work());

async function fresh(anew) {
  if (access && !anew && Date.parse(access.expires_at) - Date.now() > 20_000) return;
  const before = access;
  await alone(async () => {
    if (access !== before) return;
    try {
      const renewed = await once("POST", "/console/session/refresh", {});
      if (isOther(renewed)) return startAnew();
      access = renewed;
    } catch (error) {
      if (error.status === 401 || error.status === 403) ended();
      throw error;
    }
  });
}

// The cookie is of all tabs: another one may have signed in somebody else, who must not act from what this one shows.
function isOther({ token: renewed }) {
  const { me } = session.get();
  const claims = renewed.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  return Boolean(me) && JSON.parse(atob(claims)).sub !== me.id;
}

function startAnew() {
  location.reload();
  return new Promise(() => {}); // nothing more is sent until the page is loaded again
}

function ended() {
  if (session.get().state === "out") return; // by another read of the page
  const wasIn = session.get().state === "in";
  access = null;
  session.set({ state: "out", me: null, ended: wasIn });
}

export const token = () => access && access.token;

export async function freshToken() {
  await fresh(false);
  return token();
}

// Whoever has the cookie is signed in; everybody else is shown the way in.
export async function resume() {
  for (let turn = 0; session.get().state === "starting"; turn += 1) {
    try {
      await fresh(false);
      await known();
    } catch (error) {
      if (busy(error)) await calm(error, turn);
      else session.set({ state: "out", me: null, ended: false });
    }
  }
}

async function known() {
  const [me, served] = await Promise.all([get("/auth/me"), get("/chains").catch(() => ({ items: [] }))]);
  chains.set(served.items);
  session.set({ state: "in", me, ended: false });
}

export async function signIn(path, body) {
  const { refresh_token } = await call("POST", path, { body, open: true });
  access = await alone(() => call("POST", "/console/session/open", { body: { refresh_token }, open: true }));
  await known();
}

export function proven(stepUp) {
  access = { token: stepUp.token, expires_at: stepUp.expires_at };
}

export async function signOut() {
  await call("POST", "/auth/logout", {}).catch(() => null);
  await alone(() => once("POST", "/console/session/close", {})).catch(() => null);
  access = null;
  session.set({ state: "out", me: null, ended: false });
}

export function may(permission) {
  const { me } = session.get();
  const granted = (me && me.permissions) || [];
  return granted.includes(permission) || granted.includes(`${permission.split(":")[0]}:*`);
}
