// Dark, light, or as the system says.
import { observable } from "../observable.js";
import { keep, kept } from "./kept.js";

const KEY = "console-theme";
export const theme = observable(kept(KEY) || "auto");

function apply() {
  const chosen = theme.get();
  if (chosen === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
  dispatchEvent(new Event("themechange"));
}

export function nextTheme() {
  const order = ["auto", "light", "dark"];
  theme.set(order[(order.indexOf(theme.get()) + 1) % 3]);
  keep(KEY, theme.get());
  apply();
}
apply();
