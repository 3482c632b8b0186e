// Dark, light, or as the system says; the choice is a word and the only thing that is stored.
import { observable } from "../observable.js";

const KEY = "console-theme";
const stored = () => {
  try {
    return localStorage.getItem(KEY) || "auto";
  } catch {
    return "auto";
  }
};
export const theme = observable(stored());

function apply() {
  const chosen = theme.get();
  if (chosen === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
  dispatchEvent(new Event("themechange"));
}

export function nextTheme() {
  const order = ["auto", "light", "dark"];
  theme.set(order[(order.indexOf(theme.get()) + 1) % 3]);
  try {
    localStorage.setItem(KEY, theme.get());
  } catch {
    // as long as the page is open, then
  }
  apply();
}
apply();
