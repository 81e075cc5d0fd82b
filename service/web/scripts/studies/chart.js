// What each scenario costs a day, and how sure that is, as a picture; the table beside it has the figures.

import { make } from "../dom.js";
import { money, t } from "../i18n.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [720, 300, 70, 40, 16];
const LINES = 4;

/**
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 * @param {string} [text]
 */
function draw(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  if (text !== undefined) made.textContent = text;
  return made;
}

/**
 * @param {any[]} rows of the study's table
 * @param {string} currency
 */
export function costChart(rows, currency) {
  const shown = rows.filter((row) => typeof row.cost === "number");
  const svg = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": t("studies.chart") });
  const highest = Math.max(...shown.map((row) => row.cost), 1) * 1.08;
  const y = (/** @type {number} */ cost) => HEIGHT - BOTTOM - ((HEIGHT - BOTTOM - TOP) * cost) / highest;
  const x = (/** @type {number} */ index) => LEFT + ((WIDTH - LEFT - 20) * (index + 0.5)) / Math.max(1, shown.length);
  for (let line = 0; line <= LINES; line += 1) {
    const cost = (highest * line) / LINES;
    svg.append(draw("line", { class: "axis", x1: LEFT, x2: WIDTH - 20, y1: y(cost), y2: y(cost) }), draw("text", { x: LEFT - 8, y: y(cost) + 4, "text-anchor": "end" }, money(cost, currency)));
  }
  for (const [index, row] of shown.entries()) {
    // Where not every day is served, the cost compares with nothing.
    svg.append(draw("circle", { class: row.served_days < 1 ? "short" : "mean", cx: x(index), cy: y(row.cost), r: 6 }), draw("text", { x: x(index), y: HEIGHT - BOTTOM + 20, "text-anchor": "middle" }, row.scenario));
  }
  return make("figure", {}, make("figcaption", {}, t("studies.chart.what")), svg);
}
