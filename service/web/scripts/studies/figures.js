// The figures of a study's table: how each is called and written, and what the table says in a sentence.

import * as i18n from "../i18n.js";

const { t } = i18n;

/** Columns of the table, with the digits that are shown; money where there are none. */
export const COLUMNS = /** @type {const} */ ([
  ["cost", 0], ["cost_per_tonne", 1], ["trucks", 1], ["crew_hours", 1], ["km", 0], ["tonnes", 1], ["overtime_hours", 1], ["unserved", 1], ["unserved_tonnes", 2], ["overflows", 1], ["co2e_kg", 0], ["served_days", 0], ["held", 0],
]);
const SHARES = new Set(["served_days", "held"]);
/** From so many days on, all of them served show that nine of ten such days are, with 95 % confidence. */
const ENOUGH_DAYS = 29;

/**
 * A number without digits that say nothing.
 *
 * @param {number} value
 * @param {number} [digits] at most
 */
export const plain = (value, digits = 1) => i18n.number(value, digits).replace(/\.?0+$/, (end) => (end.startsWith(".") ? "" : end));

/**
 * A figure as it is written.
 *
 * @param {string} name
 * @param {number | null | undefined} value
 * @param {string} currency
 * @param {{sign?: boolean}} [options] `sign`: as a difference
 */
export function written(name, value, currency, { sign = false } = {}) {
  if (value === null || value === undefined) return "–";
  const digits = COLUMNS.find(([one]) => one === name)?.[1] ?? 1;
  const text = SHARES.has(name) ? i18n.percent(Math.abs(value)) : name.startsWith("cost") ? i18n.money(Math.abs(value), currency, digits) : i18n.number(Math.abs(value), digits);
  const none = !/[1-9]/.test(text);
  return `${value < 0 && !none ? "−" : sign && !none ? "+" : ""}${text}`;
}

/**
 * The scenarios that are a fleet size and nothing else that differs, the smallest first.
 *
 * @param {any} results
 * @returns {{size: number, row: any}[]}
 */
export function fleetsOf(results) {
  /** @type {Map<string, {size: number, row: any}[]>} */
  const found = new Map();
  for (const one of results.study.scenario) {
    const sizes = one.changes.filter((/** @type {any} */ change) => change.kind === "fleet_size");
    const row = results.rows.find((/** @type {any} */ each) => each.scenario === one.name && each.cells);
    if (sizes.length !== 1 || !row) continue;
    const others = JSON.stringify(one.changes.filter((/** @type {any} */ change) => change !== sizes[0]));
    found.set(others, [...(found.get(others) ?? []), { size: sizes[0].vehicles, row }]);
  }
  const longest = [...found.values()].reduce((most, one) => (one.length > most.length ? one : most), []);
  return longest.length > 1 ? longest.sort((one, other) => one.size - other.size) : [];
}

/**
 * How many vehicles are needed, in sentences; empty where the study compares no fleets. English ones are the server's,
 * as in its brief.
 *
 * @param {any} results
 * @returns {string}
 */
export function answerOf(results) {
  if (i18n.current() === "en") return results.answer;
  const fleets = fleetsOf(results);
  const enough = fleets.find(({ row }) => row.served_days === 1);
  const last = fleets.at(-1);
  if (!last) return "";
  if (!enough) return t("answer.none", { size: last.size, visits: plain(last.row.unserved) });
  const { row } = enough;
  const few = row.cells < ENOUGH_DAYS;
  // All of so many days were served: with 95 % confidence at least this share of such days is (Clopper and Pearson).
  const sure = 0.05 ** (1 / row.cells);
  const said = [t("answer.enough", { count: enough.size, days: row.cells, cost: i18n.money(row.cost, results.currency) }), t("answer.sure", { share: i18n.percent(Math.floor(sure * 100) / 100) })];
  const smaller = fleets.filter(({ size }) => size < enough.size).at(-1);
  if (smaller) said.push(t("answer.fewer", { count: smaller.size, visits: plain(smaller.row.unserved), tonnes: plain(smaller.row.unserved_tonnes, 2) }));
  if (few) said.push(t("answer.more"));
  if (row.held < 0.95) said.push(t("answer.held", { share: i18n.percent(row.held) }));
  return said.join(" ");
}

/** What bounds a route, by how the server says it. */
const LIMITS = {
  "the end of the shift": "limit.shift", "a time window of a stop": "limit.window", "the payload": "limit.payload", "the room in the body": "limit.body",
  "the range": "limit.range", "the number of stops a day": "limit.stops", "the weight a day": "limit.weight",
};

/** @param {string} name */
function limitName(name) {
  const closing = /^the closing time of (.+) at (\d\d:\d\d)$/.exec(name);
  if (closing) return t("limit.closing", { site: closing[1], time: closing[2] });
  const key = LIMITS[/** @type {keyof typeof LIMITS} */ (name)];
  return key ? t(key) : name;
}

/**
 * What bound a scenario, as the server says it in English: the limits reached most often, and why visits stay behind.
 *
 * @param {any} results
 * @param {any} row of the scenario
 * @returns {string}
 */
export function boundOf(results, row) {
  if (i18n.current() === "en") return row.bound;
  const cells = results.cells.filter((/** @type {any} */ cell) => cell.scenario === row.scenario);
  const add = (/** @type {string} */ key) => {
    /** @type {Map<string, number>} */
    const sum = new Map();
    for (const cell of cells) for (const [name, count] of Object.entries(cell[key])) sum.set(name, (sum.get(name) ?? 0) + Number(count));
    return [...sum].sort((one, other) => other[1] - one[1] || one[0].localeCompare(other[0]));
  };
  const routes = cells.reduce((/** @type {number} */ sum, /** @type {any} */ cell) => sum + cell.figures.routes, 0);
  const aDay = (/** @type {number} */ count) => plain(count / cells.length);
  const limits = add("limits").filter(([, count]) => count * 20 >= routes).slice(0, 3).map(([name, count]) => t("bound.limit", { limit: limitName(name), count: aDay(count), routes: aDay(routes) }));
  const [reason] = add("reasons");
  const why = reason ? [t("bound.why", { why: t(`why.${reason[0]}`), count: aDay(reason[1]) })] : [];
  return [...(limits.length ? limits : [t("bound.none")]), ...why].join("; ");
}
