// Every view has an address: #/orders/ord_…?status=open
import { observable } from "./observable.js";

const parse = () => {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  return { path: path.split("/").filter(Boolean).map(decoded), query: Object.fromEntries(new URLSearchParams(query)) };
};

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const route = observable(parse());
addEventListener("hashchange", () => route.set(parse()));

export function link(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const text = new URLSearchParams(given).toString();
  return `#/${path}${text ? `?${text}` : ""}`;
}

// Removes what follows the first part of the address, from the history, too: a secret that was read.
export function taken() {
  history.replaceState(null, "", link(route.get().path[0]));
  route.set(parse());
}

export const go = (path, query) => {
  location.hash = link(path, query);
};

const PREFIXES = {
  ord: "orders",
  clm: "claims",
  sup: "supplies",
  txn: "transactions",
  wal: "wallets",
  ctr: "contracts",
  usr: "users",
};

// Where an id is shown; null where nothing shows it.
export function placeOf(id) {
  const prefix = String(id).split("_")[0];
  return Object.hasOwn(PREFIXES, prefix) ? `${PREFIXES[prefix]}/${id}` : null;
}
