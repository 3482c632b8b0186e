// Keys for the whole page; none counts while somebody types or a dialog is open.
import { useLayoutEffect } from "preact/hooks";
import { observable } from "../observable.js";
import { go } from "../router.js";
import { keep, kept } from "./kept.js";

const CHOICE = "console-keys";
export const shortcuts = observable(kept(CHOICE) !== "off"); // off for those whose speech arrives as letters

export function setShortcuts(on) {
  shortcuts.set(on);
  keep(CHOICE, on ? "on" : "off");
}

const handlers = new Set();
const PLACES = { o: "orders", c: "claims", s: "supplies", t: "transactions", w: "wallets" };
let leader = 0;

// Before the page is painted: what can be seen answers to its keys.
export function useKeys(map, inputs) {
  useLayoutEffect(() => {
    handlers.add(map);
    return () => handlers.delete(map);
  }, inputs);
}

addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, dialog");
  if (!shortcuts.get() && event.key.length === 1) return;
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (leader && Date.now() - leader < 1500 && PLACES[event.key]) {
    leader = 0;
    go(PLACES[event.key]);
    return;
  }
  leader = event.key === "g" ? Date.now() : 0;
  for (const map of [...handlers].reverse()) {
    if (map[event.key]) {
      event.preventDefault();
      map[event.key]();
      return;
    }
  }
});
