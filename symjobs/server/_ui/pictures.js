// Pictures as SVG: bars, curves, a heat map, scores with their threshold.

import { h, s, short } from "./dom.js";

const WIDTH = 640, HEIGHT = 280, LEFT = 64, BOTTOM = 40, TOP = 14, RIGHT = 14;

function figure(title, words, ...shapes) {
  return h("figure", {}, h("figcaption", {}, title),
    s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, role: "img", "aria-label": `${title}. ${words}` }, shapes));
}

function scale(low, high, from, to) {
  const span = high - low || 1;
  return (value) => from + ((value - low) / span) * (to - from);
}

function axes(low, high, y, labels, x) {
  const rough = (high - low) / 4, unit = 10 ** Math.floor(Math.log10(rough)), step = unit * [1, 2, 5, 10].find((factor) => factor * unit >= rough);
  const ticks = [];
  for (let k = Math.ceil(low / step); k * step <= high * (1 + 1e-9); k++) ticks.push(k * step);
  const every = Math.ceil(labels.length / 12);
  return [
    ...ticks.map((tick) => [
      s("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(tick), y2: y(tick), stroke: "var(--line)" }),
      s("text", { x: LEFT - 6, y: y(tick) + 4, "text-anchor": "end" }, short(tick)),
    ]).flat(),
    ...labels.map((label, i) => (i % every ? null
      : s("text", { x: x(i), y: HEIGHT - BOTTOM + 16, "text-anchor": "middle" }, String(label).slice(0, 12)))),
  ];
}

export function bars(title, labels, values, { marked = -1 } = {}) {
  const low = Math.min(0, ...values), high = Math.max(...values, low + 1e-300);
  const y = scale(low, high, HEIGHT - BOTTOM, TOP), step = (WIDTH - LEFT - RIGHT) / values.length;
  const x = (i) => LEFT + (i + 0.5) * step;
  return figure(title, labels.map((label, i) => `${label}: ${short(values[i])}`).join(", "),
    axes(low, high, y, labels, x),
    values.map((value, i) => s("rect", {
      x: x(i) - step * 0.35, width: step * 0.7, y: Math.min(y(value), y(0)), height: Math.abs(y(0) - y(value)),
      fill: i === marked ? "var(--warm)" : "var(--accent)",
    }, s("title", {}, `${labels[i]}: ${short(values[i])}`))));
}

export function curve(title, labels, values) {
  const low = Math.min(0, ...values), high = Math.max(...values);
  const y = scale(low, high, HEIGHT - BOTTOM, TOP), x = scale(0, Math.max(1, labels.length - 1), LEFT + 20, WIDTH - RIGHT - 20);
  return figure(title, labels.map((label, i) => `${label}: ${short(values[i])}`).join(", "),
    axes(low, high, y, labels, x),
    s("polyline", { points: values.map((value, i) => `${x(i)},${y(value)}`).join(" "), fill: "none", stroke: "var(--accent)", "stroke-width": 2 }),
    values.map((value, i) => s("circle", { cx: x(i), cy: y(value), r: 4, fill: "var(--accent)" }, s("title", {}, `${labels[i]}: ${short(value)}`))));
}

export function heat(title, names, matrix) {
  const side = Math.min(42, 560 / names.length), left = 110, size = left + side * names.length + 10, top = 8;
  const colour = (r) => (r === null ? "var(--soft)" : `color-mix(in srgb, ${r < 0 ? "var(--accent)" : "var(--warm)"} ${Math.round(Math.abs(r) * 100)}%, var(--paper))`);
  const cells = matrix.flatMap((row, i) => row.map((r, j) => [
    s("rect", { x: left + j * side, y: top + i * side, width: side - 1, height: side - 1, fill: colour(r) },
      s("title", {}, `${names[i]}, ${names[j]}: ${r === null ? "unknown" : r.toFixed(3)}`)),
    side > 34 && r !== null ? s("text", { x: left + (j + 0.5) * side, y: top + (i + 0.6) * side, "text-anchor": "middle" }, r.toFixed(2)) : null,
  ]).flat());
  const labels = names.map((name, i) => s("text", { x: left - 6, y: top + (i + 0.6) * side, "text-anchor": "end" }, name.slice(0, 15)));
  const picture = s("svg", { viewBox: `0 0 ${size} ${top + side * names.length + 8}`, width: size, role: "img", "aria-label": title }, cells, labels);
  return h("figure", {}, h("figcaption", {}, title), picture);
}

// Scores over the rows, the threshold that each was judged against, and the flagged rows.
export function scores(title, values, threshold, flagged) {
  const known = values.filter((value) => isFinite(value));
  const low = Math.min(0, ...known), high = Math.max(...known, ...threshold.filter((value) => isFinite(value)));
  const y = scale(low, high, HEIGHT - BOTTOM, TOP), x = scale(0, Math.max(1, values.length - 1), LEFT, WIDTH - RIGHT);
  const path = (series) => series.map((value, i) => (isFinite(value) ? `${i && isFinite(series[i - 1]) ? "L" : "M"}${x(i).toFixed(1)} ${y(value).toFixed(1)}` : "")).join("");
  const ends = values.length > 1 ? [0, values.length - 1] : [0];
  return figure(title, `${flagged.length} of ${values.length} rows are flagged`,
    axes(low, high, y, [], x),
    ends.map((i) => s("text", { x: x(i), y: HEIGHT - BOTTOM + 16, "text-anchor": i ? "end" : "start" }, `row ${i}`)),
    s("path", { d: path(values), fill: "none", stroke: "var(--accent)", "stroke-width": 1 }),
    s("path", { d: path(threshold), fill: "none", stroke: "var(--warm)", "stroke-width": 1.5, "stroke-dasharray": "6 3" }),
    flagged.map((i) => s("circle", { cx: x(i), cy: y(values[i]), r: 4, fill: "var(--bad)" }, s("title", {}, `row ${i}: ${short(values[i])}`))));
}
