// The charts of a study as SVG: the curve over fleets, what scenarios cost, and what one gives up for another. Each
// has its data as a table beside it, and can be saved as a file that stands alone.

import { make, save } from "../dom.js";
import { t } from "../i18n.js";
import { plain, written } from "./figures.js";

const SVG = "http://www.w3.org/2000/svg";
const NARROW = matchMedia("(max-width: 760px)").matches; // letters keep their size on a phone
const [WIDTH, LEFT, RIGHT] = NARROW ? [360, 56, 14] : [640, 78, 24];
const BAR_ROW = 30;
const KEPT_STYLES = ["fill", "stroke", "stroke-width", "stroke-dasharray", "font-size", "font-weight", "font-family", "text-anchor", "opacity"];

/**
 * @param {string} name
 * @param {Record<string, string | number>} [attributes]
 * @param {(Node | string)[]} children
 */
function draw(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}

/**
 * Round steps of an axis that ends at or above `high`.
 *
 * @param {number} high
 */
function steps(high) {
  if (!(high > 0)) return [0, 1];
  const rough = high / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((one) => one * power).find((one) => one >= rough) ?? power * 10;
  return Array.from({ length: Math.ceil(high / step) + 1 }, (_, index) => index * step);
}

/** @param {string} name @param {number} letters at most */
const short = (name, letters) => (name.length > letters ? `${name.slice(0, letters - 1)}…` : name);

/** @param {string} label @param {number} height */
const canvas = (label, height) => draw("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": label });

/**
 * An axis upwards, with its lines.
 *
 * @param {Element} svg
 * @param {number[]} marks
 * @param {(value: number) => number} y
 * @param {(value: number) => string} text
 */
function upward(svg, marks, y, text) {
  for (const mark of marks) svg.append(draw("line", { class: "axis", x1: LEFT, x2: WIDTH - RIGHT, y1: y(mark), y2: y(mark) }), draw("text", { x: LEFT - 8, y: y(mark) + 4, "text-anchor": "end" }, text(mark)));
}

/**
 * The cost of a scenario and its 95 % interval, from its difference to the one that is compared with.
 *
 * @param {any} results
 * @param {any} row
 */
function costInterval(results, row) {
  const base = results.rows.find((/** @type {any} */ one) => one.scenario === row.compared_with)?.cost;
  if (base === undefined || row.cost_difference_low === null) return null;
  return { low: base + row.cost_difference_low, high: base + row.cost_difference_high };
}

/**
 * Cost and what stays behind, over the number of vehicles.
 *
 * @param {any} results
 * @param {{size: number, row: any}[]} fleets
 */
export function fleetCurve(results, fleets) {
  const [top, cut, bottom, height] = [26, 210, 330, 372];
  const svg = canvas(t("chart.curve"), height);
  const sizes = fleets.map(({ size }) => size);
  const [first, last] = [Math.min(...sizes), Math.max(...sizes)];
  const x = (/** @type {number} */ size) => LEFT + 30 + ((WIDTH - LEFT - RIGHT - 60) * (size - first)) / Math.max(1, last - first);
  const intervals = fleets.map(({ row }) => costInterval(results, row));
  const costs = steps(Math.max(...fleets.map(({ row }) => row.cost), ...intervals.map((one) => one?.high ?? 0)));
  const y = (/** @type {number} */ cost) => cut - ((cut - top) * cost) / /** @type {number} */ (costs.at(-1));
  const left = steps(Math.max(...fleets.map(({ row }) => row.unserved)));
  const down = (/** @type {number} */ visits) => bottom - ((bottom - cut - 46) * visits) / /** @type {number} */ (left.at(-1));
  upward(svg, costs, y, (cost) => written("cost", cost, results.currency));
  upward(svg, left.filter((_, index) => index % 2 === 0 || left.length < 4), down, (visits) => plain(visits, 2));
  svg.append(draw("text", { class: "title", x: 4, y: 14 }, t("figure.cost")), draw("text", { class: "title", x: 4, y: cut + 26 }, t("figure.unserved")));
  const enough = fleets.find(({ row }) => row.served_days === 1);
  if (enough) svg.append(draw("line", { class: "enough", x1: x(enough.size), x2: x(enough.size), y1: top - 6, y2: bottom }));
  svg.append(draw("path", { class: "line", d: fleets.map(({ size, row }, index) => `${index ? "L" : "M"}${x(size)} ${y(row.cost)}`).join("") }));
  for (const [index, { size, row }] of fleets.entries()) {
    const spread = intervals[index];
    if (spread) svg.append(draw("path", { class: "spread", d: `M${x(size)} ${y(Math.max(0, spread.low))}V${y(spread.high)}M${x(size) - 5} ${y(Math.max(0, spread.low))}h10M${x(size) - 5} ${y(spread.high)}h10` }));
    svg.append(mark(x(size), y(row.cost), row, results));
    if (row.unserved > 0) svg.append(draw("rect", { class: "short", x: x(size) - 9, width: 18, y: down(row.unserved), height: bottom - down(row.unserved) }));
    if (fleets.length <= (NARROW ? 9 : 20) || index % 5 === 0) svg.append(draw("text", { x: x(size), y: bottom + 18, "text-anchor": "middle", class: size === enough?.size ? "title" : "" }, String(size)));
  }
  svg.append(draw("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: height - 4, "text-anchor": "middle" }, t("chart.vehicles")));
  return figure(svg, { name: "fleets", title: t("chart.curve"), what: t("chart.curve.what"), head: [t("chart.vehicles"), t("figure.cost"), t("chart.interval"), t("figure.unserved")], rows: fleets.map(({ size, row }, index) => [String(size), written("cost", row.cost, results.currency), between(intervals[index], results.currency), written("unserved", row.unserved, results.currency)]) });
}

/**
 * @param {{low: number, high: number} | null} spread
 * @param {string} currency
 */
const between = (spread, currency) => (spread ? `${written("cost", spread.low, currency)} – ${written("cost", spread.high, currency)}` : "–");

/**
 * A scenario as a point: a full one serves every day, a hollow square does not.
 *
 * @param {number} x
 * @param {number} y
 * @param {any} row
 * @param {any} results
 */
function mark(x, y, row, results) {
  const title = draw("title", {}, `${row.scenario}: ${written("cost", row.cost, results.currency)}`);
  return row.served_days < 1 ? draw("rect", { class: "part-served", x: x - 6, y: y - 6, width: 12, height: 12 }, title) : draw("circle", { class: "served", cx: x, cy: y, r: 6.5 }, title);
}

/**
 * What each scenario costs a day, one below the other.
 *
 * @param {any} results
 * @param {any[]} rows
 */
export function costBars(results, rows) {
  const height = 34 + rows.length * BAR_ROW + 22;
  const [label, letters] = NARROW ? [130, 17] : [190, 26];
  const svg = canvas(t("figure.cost"), height);
  const intervals = rows.map((row) => costInterval(results, row));
  const marks = steps(Math.max(...rows.map((row) => row.cost), ...intervals.map((one) => one?.high ?? 0)));
  const x = (/** @type {number} */ cost) => label + ((WIDTH - label - 70) * Math.max(0, cost)) / /** @type {number} */ (marks.at(-1));
  svg.append(draw("text", { class: "title", x: 4, y: 14 }, t("figure.cost")));
  for (const cost of marks) svg.append(draw("line", { class: "axis", x1: x(cost), x2: x(cost), y1: 26, y2: height - 20 }), draw("text", { x: x(cost), y: height - 6, "text-anchor": "middle" }, written("cost", cost, results.currency)));
  for (const [index, row] of rows.entries()) {
    const y = 34 + index * BAR_ROW;
    const name = short(row.scenario, letters);
    svg.append(draw("text", { class: "name", x: label - 8, y: y + 15, "text-anchor": "end" }, name), draw("rect", { class: row.served_days < 1 ? "part-bar" : "bar-of", x: label, y, width: Math.max(1, x(row.cost) - label), height: BAR_ROW - 10 }, draw("title", {}, row.scenario)));
    const spread = intervals[index];
    const middle = y + (BAR_ROW - 10) / 2;
    if (spread) svg.append(draw("path", { class: "spread", d: `M${x(spread.low)} ${middle}H${x(spread.high)}M${x(spread.low)} ${middle - 5}v10M${x(spread.high)} ${middle - 5}v10` }));
    svg.append(draw("text", { class: "name", x: Math.max(x(row.cost), x(spread?.high ?? 0)) + 8, y: y + 15 }, written("cost", row.cost, results.currency)));
  }
  return figure(svg, { name: "cost", title: t("figure.cost"), what: t("chart.bars.what"), head: [t("studies.scenario"), t("figure.cost"), t("chart.interval"), t("figure.served_days")], rows: rows.map((row, index) => [row.scenario, written("cost", row.cost, results.currency), between(intervals[index], results.currency), written("served_days", row.served_days, "")]) });
}

const AGAINST = ["unserved_tonnes", "overflows", "co2e_kg", "crew_hours", "km"];

/**
 * Cost against another figure, which can be chosen; the scenarios that no other beats are marked.
 *
 * @param {any} results
 * @param {any[]} rows
 */
export function tradeOff(results, rows) {
  const varies = AGAINST.filter((name) => new Set(rows.map((row) => written(name, row[name], results.currency))).size > 1);
  const choice = varies.length ? varies : ["co2e_kg"];
  const box = make("div", {});
  const select = make("select", { id: "against", onchange: () => show(select.value) }, ...choice.map((name) => make("option", { value: name }, t(`figure.${name}`))));
  const show = (/** @type {string} */ name) => box.replaceChildren(scatter(results, rows, name));
  show(choice[0]);
  return make("div", {}, make("p", { class: "choose" }, make("label", { for: "against" }, t("chart.against")), " ", select), box);
}

/**
 * @param {any} results
 * @param {any[]} rows
 * @param {string} name
 */
function scatter(results, rows, name) {
  const [top, bottom, height] = [28, 300, 346];
  const title = t("chart.tradeoff", { figure: t(`figure.${name}`) });
  const svg = canvas(title, height);
  const costs = steps(Math.max(...rows.map((row) => row.cost)));
  const others = steps(Math.max(...rows.map((row) => row[name])));
  const x = (/** @type {number} */ value) => LEFT + ((WIDTH - LEFT - RIGHT - 20) * value) / /** @type {number} */ (others.at(-1));
  const y = (/** @type {number} */ cost) => bottom - ((bottom - top) * cost) / /** @type {number} */ (costs.at(-1));
  upward(svg, costs, y, (cost) => written("cost", cost, results.currency));
  for (const value of others) svg.append(draw("text", { x: x(value), y: bottom + 18, "text-anchor": "middle" }, plain(value, 2)));
  svg.append(draw("text", { class: "title", x: 4, y: 14 }, t("figure.cost")), draw("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: height - 6, "text-anchor": "middle", class: "title" }, t(`figure.${name}`)));
  /** @type {[number, number][]} */
  const labels = [];
  for (const row of [...rows].sort((one, other) => Number(one.pareto) - Number(other.pareto))) {
    const at = /** @type {[number, number]} */ ([x(row[name]), y(row.cost)]);
    const about = draw("title", {}, `${row.scenario}: ${written("cost", row.cost, results.currency)}, ${written(name, row[name], results.currency)}`);
    svg.append(row.pareto ? draw("path", { class: "served", d: star(...at) }, about) : draw("circle", { class: "beaten", cx: at[0], cy: at[1], r: 5 }, about));
    // A name where there is room for it; all of them stand in the table.
    if (labels.some(([left, up]) => Math.abs(left - at[0]) < 120 && Math.abs(up - at[1]) < 16)) continue;
    labels.push(at);
    const end = at[0] > WIDTH * 0.7;
    svg.append(draw("text", { class: "name", x: at[0] + (end ? -11 : 11), y: at[1] - 8, "text-anchor": end ? "end" : "start" }, short(row.scenario, 22)));
  }
  return figure(svg, { name: `cost-${name}`, title, what: t("chart.tradeoff.what"), head: [t("studies.scenario"), t("figure.cost"), t(`figure.${name}`), t("studies.pareto")], rows: rows.map((row) => [row.scenario, written("cost", row.cost, results.currency), written(name, row[name], results.currency), row.pareto ? "★" : ""]) });
}

/** @param {number} x @param {number} y */
function star(x, y) {
  const points = Array.from({ length: 10 }, (_, index) => {
    const radius = index % 2 ? 4 : 9.5;
    const angle = (Math.PI * index) / 5 - Math.PI / 2;
    return `${(x + radius * Math.cos(angle)).toFixed(1)} ${(y + radius * Math.sin(angle)).toFixed(1)}`;
  });
  return `M${points.join("L")}Z`;
}

/**
 * A chart with its data beside it.
 *
 * @param {Element} svg
 * @param {{name: string, title: string, what: string, head: string[], rows: string[][]}} about
 */
function figure(svg, { name, title, what, head, rows }) {
  const data = make("table", {}, make("caption", { class: "unseen" }, title), make("thead", {}, make("tr", {}, ...head.map((text, index) => make("th", { scope: "col", class: index && "number" }, text)))), make("tbody", {}, ...rows.map(([first, ...rest]) => make("tr", {}, make("th", { scope: "row" }, first), ...rest.map((text) => make("td", { class: "number" }, text))))));
  const keep = make("button", { type: "button", class: "quiet", onclick: () => saveSvg(svg, name) }, t("chart.save"));
  return make("figure", {}, make("figcaption", {}, make("b", {}, title), " ", what), make("div", { class: "chart" }, /** @type {any} */ (svg), make("div", { class: "data", tabindex: 0, role: "region", "aria-label": t("chart.data", { title }) }, data)), keep);
}

/**
 * Save a chart as a file of its own: the colours of the page's style sheet are written into it.
 *
 * @param {Element} svg
 * @param {string} name
 */
function saveSvg(svg, name) {
  const copy = /** @type {Element} */ (svg.cloneNode(true));
  const styled = [svg, ...svg.querySelectorAll("*")];
  for (const [index, one] of [copy, ...copy.querySelectorAll("*")].entries()) {
    const computed = getComputedStyle(styled[index]);
    for (const key of KEPT_STYLES) one.setAttribute(key, computed.getPropertyValue(key));
    one.removeAttribute("class");
  }
  const [, , width, height] = (svg.getAttribute("viewBox") ?? "").split(" ");
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  copy.prepend(draw("rect", { width, height, fill: getComputedStyle(document.documentElement).backgroundColor }));
  const text = new XMLSerializer().serializeToString(copy);
  save(new Blob([text], { type: "image/svg+xml" }), `${name}.svg`);
}

