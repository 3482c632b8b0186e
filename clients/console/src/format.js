// How values read. Amounts stay exact: base units are divided as whole numbers, never as floating point.
import { T } from "./texts.js";

export const short = (text, head = 6, tail = 4) =>
  text && text.length > head + tail + 3 ? `${text.slice(0, head)}…${text.slice(-tail)}` : text || "";

export function shortId(id) {
  const at = id.indexOf("_");
  return at < 0 ? short(id, 8, 4) : short(id, at + 6, 4);
}

export function units(base, decimals) {
  if (base === null || base === undefined || !/^-?\d+$/.test(String(base))) return String(base ?? "");
  const negative = String(base).startsWith("-");
  const digits = String(base).replace("-", "").padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  const part = decimals ? digits.slice(-decimals).replace(/0+$/, "") : "";
  return (negative ? "-" : "") + whole + (part ? `.${part}` : "");
}

export function toUnits(text, decimals) {
  const found = /^(\d+)(?:\.(\d+))?$/.exec(text.trim());
  if (!found || (found[2] || "").length > decimals) return null;
  return (found[1] + (found[2] || "").padEnd(decimals, "0")).replace(/^0+(?=\d)/, "");
}

export const gwei = (wei) => (wei === null || wei === undefined ? "" : `${units(wei, 9)} gwei`);

const STEPS = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "always", style: "narrow" });

export function relative(moment, now = Date.now()) {
  const seconds = Math.round((Date.parse(moment) - now) / 1000);
  if (Number.isNaN(seconds)) return "";
  if (Math.abs(seconds) < 2) return T.now;
  const [unit, size] = STEPS.find(([, length]) => Math.abs(seconds) >= length) || STEPS[3];
  return RELATIVE.format(Math.trunc(seconds / size), unit);
}

export function exact(moment) {
  const found = new Date(moment);
  return Number.isNaN(found.valueOf()) ? String(moment) : found.toISOString().replace("T", " ").replace("Z", " UTC");
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds > 0 && seconds < 1) return `${Math.max(1, Math.round(seconds * 1000))} ms`;
  if (seconds < 90) return `${Math.round(seconds * 10) / 10} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 360) / 10} h`;
}

// "Chromium on Linux" of what a browser calls itself.
export function device(agent) {
  if (!agent) return "";
  const name = [["Edg/", "Edge"], ["Firefox/", "Firefox"], ["Chrome/", "Chrome"], ["Safari/", "Safari"]].find(([sign]) => agent.includes(sign));
  const place = ["Windows", "Android", "iPhone", "iPad", "Mac OS X", "Linux"].find((sign) => agent.includes(sign));
  return name ? `${name[1]}${place ? ` on ${place.replace("Mac OS X", "macOS")}` : ""}` : agent.slice(0, 40);
}

const TONES = {
  good: ["completed", "processed", "confirmed", "active", "paid", "ok", "deployed", "delivered"],
  busy: ["open", "claimed", "processing", "queued", "submitted", "mined", "pending", "accepted", "nonced", "signed"],
  warn: ["paused", "exhausted", "expired", "not confirmed", "blocked", "partial", "held", "behind", "new", "resting"],
  bad: ["failed", "failing", "reverted", "rejected", "refused", "unavailable"],
};

export function tone(status) {
  return Object.keys(TONES).find((name) => TONES[name].includes(status)) || "idle";
}
