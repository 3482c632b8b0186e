// Whose rows a list shows: everybody's to operators, one's own to users.
import { chains, may, session } from "./api.js";
import { short, units } from "./format.js";

export const everybody = () => may("admin:read");
export const listOf = (kind, whose) => (everybody() && whose !== "me" ? `/admin/${kind}` : `/${kind}`);
export const isMine = (row) => Boolean(session.get().me) && row.user_id === session.get().me.id;
export const EVERY = () => (everybody() ? 5 : 0); // seconds, where the stream does not tell: timers change rows, too

// Where people look at this chain, for a link that leads out of the console; null where there is nothing.
export function explorerOf(chain) {
  const served = chain && chains.get().find((one) => one.name === chain);
  return served && /^https:\/\//.test(served.explorer || "") ? served.explorer : null;
}

// Base units of a chain's coin, or of a token, with its symbol; of a token that nobody knows in base units.
export function money(base, chain, token) {
  const served = chains.get().find((one) => one.name === chain);
  const same = (one) => (one.token_address || "").toLowerCase() === (token || "").toLowerCase();
  const found = served && served.currencies.find(same);
  if (found) return [units(base, found.decimals), found.symbol];
  return token ? [String(base), `base units of ${short(token)}`] : [units(base, 18), ""];
}
