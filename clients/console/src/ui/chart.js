// Charts: stacked bars by the hour, and lines over the last minutes. What the picture says is in its label, too.
import uPlot from "uplot";
import { useEffect, useRef } from "preact/hooks";
import { tone } from "../format.js";
import { html } from "../html.js";

const ORDER = ["bad", "warn", "busy", "good", "idle"];
const SERIES = ["busy", "good", "warn", "bad", "idle"];
const HEIGHT = 150;
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const two = (number) => String(number).padStart(2, "0");
const hour = (seconds) => `${two(new Date(seconds * 1000).getHours())}:00`;
const minute = (seconds) => `${two(new Date(seconds * 1000).getHours())}:${two(new Date(seconds * 1000).getMinutes())}`;
const second = (seconds) => `${minute(seconds)}:${two(new Date(seconds * 1000).getSeconds())}`;
const moments = (splits) => splits.map(splits.some((one) => one % 60) ? second : minute); // each label names its own moment

export function stacked(buckets) {
  const statuses = [...new Set(buckets.flatMap((bucket) => Object.keys(bucket.counts)))];
  const names = ORDER.map((name) => [name, statuses.filter((status) => tone(status) === name)]).filter(([, some]) => some.length);
  const sums = buckets.map(() => 0);
  const rows = names.map(([name, some]) => ({
    name,
    statuses: some,
    values: buckets.map((bucket, at) => (sums[at] += some.reduce((sum, status) => sum + (bucket.counts[status] || 0), 0))),
  }));
  return rows.reverse(); // the highest first, so that lower ones are drawn over it
}

export function Bars({ buckets, label, href }) {
  const rows = stacked(buckets).map((row) => ({ ...row, text: row.statuses.join(", ") }));
  const total = buckets.reduce((sum, { counts }) => sum + Object.values(counts).reduce((a, b) => a + b, 0), 0);
  const times = buckets.map((bucket) => Date.parse(bucket.at) / 1000);
  return html`<${Chart} label=${label} href=${href} says=${total} times=${times} rows=${rows} bars=${true} least=${4} steps=${[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]} legend=${[...rows].reverse()} />`;
}

// Amounts by the hour: bars of one thing, lines of several, which do not add up.
export function Amounts({ times, rows, label, href, says, unit }) {
  const named = rows.map((row, at) => ({ ...row, name: SERIES[at % SERIES.length] }));
  return html`<${Chart} label=${label} href=${href} says=${says} times=${times} rows=${named} bars=${named.length < 2} unit=${unit} legend=${named} />`;
}

export function Lines({ times, rows, label, href, says, unit }) {
  const named = rows.map((row, at) => ({ ...row, name: SERIES[at % SERIES.length] }));
  return html`<${Chart} label=${label} href=${href} says=${says} times=${times} rows=${named} unit=${unit} hours=${false} legend=${named} />`;
}

const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const plain = (number) => COMPACT.format(number);

function drawn(box, { times, rows, bars, hours, least, steps, unit }) {
  const axis = { stroke: color("--soft"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
  const values = unit ? { values: (_, splits) => splits.map((one) => `${plain(one)} ${unit}`), size: 76 } : { size: 36 };
  const style = ({ name }) => (bars ? { fill: color(`--${name}`), stroke: color(`--${name}`), width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.75, 28] }) } : { stroke: color(`--${name}`), width: 2, points: { show: times.length < 3 } });
  const options = {
    width: box.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: { ...(hours ? {} : { x: { range: () => [Math.min(times[0], times.at(-1) - 60), times.at(-1)] } }), y: { range: (_, low, high) => [0, Math.max(least || 0, high * 1.05) || 1] } },
    axes: [{ ...axis, size: 32, gap: 11, space: hours ? 50 : 80, grid: { show: false }, values: (_, splits) => (hours ? splits.map(hour) : moments(splits)) }, { ...axis, ...values, ...(steps ? { incrs: steps } : {}) }],
    series: [{}, ...rows.map(style)],
  };
  return new uPlot(options, [times, ...rows.map((row) => row.values)], box);
}

function Chart({ label, href, says, times, rows, bars = false, hours = true, least, steps, unit, legend }) {
  const place = useRef(null);
  useEffect(() => {
    const box = place.current;
    const draw = () => drawn(box, { times, rows, bars, hours, least, steps, unit });
    let plot = draw();
    const again = () => {
      plot.destroy();
      plot = draw();
    };
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const sized = new ResizeObserver(([entry]) => plot.setSize({ width: entry.contentRect.width, height: HEIGHT }));
    sized.observe(box);
    dark.addEventListener("change", again);
    addEventListener("themechange", again);
    return () => {
      plot.destroy();
      sized.disconnect();
      dark.removeEventListener("change", again);
      removeEventListener("themechange", again);
    };
  }, [JSON.stringify([times, rows])]);
  return html`<figure class="card chart">
    <figcaption><a href=${href}>${label}</a> <b>${says}</b></figcaption>
    <div ref=${place} role="img" aria-label=${`${label}: ${says}`} />
    <ul class="legend">${legend.map((row) => html`<li><i class=${row.name} />${row.text}</li>`)}</ul>
  </figure>`;
}
