// Stacked bars by the hour. What the picture says is in its label, too.
import uPlot from "uplot";
import { useEffect, useRef } from "preact/hooks";
import { tone } from "../format.js";
import { html } from "../html.js";

const ORDER = ["bad", "warn", "busy", "good", "idle"];
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const hour = (seconds) => `${String(new Date(seconds * 1000).getHours()).padStart(2, "0")}:00`;

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
  const place = useRef(null);
  const rows = stacked(buckets);
  const total = buckets.reduce((sum, { counts }) => sum + Object.values(counts).reduce((a, b) => a + b, 0), 0);
  useEffect(() => {
    const box = place.current;
    const draw = () => {
      const axis = { stroke: color("--soft"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
      const options = {
        width: box.clientWidth,
        height: 150,
        legend: { show: false },
        cursor: { show: false },
        scales: { y: { range: (_, low, high) => [0, Math.max(4, high)] } },
        axes: [{ ...axis, size: 26, grid: { show: false }, values: (_, splits) => splits.map(hour) }, { ...axis, size: 36, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] }],
        series: [{}, ...rows.map(({ name }) => ({ fill: color(`--${name}`), stroke: color(`--${name}`), width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.75, 28] }) }))],
      };
      const times = buckets.map((bucket) => Date.parse(bucket.at) / 1000);
      return new uPlot(options, [times, ...rows.map((row) => row.values)], box);
    };
    let plot = draw();
    const again = () => {
      plot.destroy();
      plot = draw();
    };
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const sized = new ResizeObserver(([entry]) => plot.setSize({ width: entry.contentRect.width, height: 150 }));
    sized.observe(box);
    dark.addEventListener("change", again);
    addEventListener("themechange", again);
    return () => {
      plot.destroy();
      sized.disconnect();
      dark.removeEventListener("change", again);
      removeEventListener("themechange", again);
    };
  }, [JSON.stringify(buckets)]);
  return html`<figure class="card chart">
    <figcaption><a href=${href}>${label}</a> <b>${total}</b></figcaption>
    <div ref=${place} role="img" aria-label=${`${label}: ${total}`} />
    <ul class="legend">${[...rows].reverse().map((row) => html`<li><i class=${row.name} />${row.statuses.join(", ")}</li>`)}</ul>
  </figure>`;
}
