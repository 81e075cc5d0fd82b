// The table of a study's scenarios: sorted by any column, as figures or as differences with their intervals.

import { make } from "../dom.js";
import { t } from "../i18n.js";
import { COLUMNS, written } from "./figures.js";

/** @param {any} results */
export function scenarioTable(results) {
  const base = results.rows.find((/** @type {any} */ row) => row.compared_with)?.compared_with ?? "";
  /** @type {{by: string | null, down: boolean, differences: boolean}} */
  const now = { by: null, down: false, differences: false };
  const body = make("tbody", {});
  const heads = [["scenario"], ...COLUMNS].map(([name]) => {
    const button = make("button", { type: "button", class: "sort", onclick: () => sort(String(name)) }, name === "scenario" ? t("studies.scenario") : t(`figure.${name}`), make("span", { class: "way", "aria-hidden": "true" }));
    return { name: String(name), th: make("th", { scope: "col", class: name !== "scenario" && "number" }, button) };
  });
  const sort = (/** @type {string} */ name) => {
    now.down = now.by === name ? !now.down : false;
    now.by = name;
    fill();
  };
  const fill = () => {
    for (const { name, th } of heads) {
      const on = now.by === name;
      if (on) th.setAttribute("aria-sort", now.down ? "descending" : "ascending");
      else th.removeAttribute("aria-sort");
      /** @type {HTMLElement} */ (th.querySelector(".way")).textContent = on ? (now.down ? " ▼" : " ▲") : "";
    }
    body.replaceChildren(...sorted(results, now.by, now.down, now.differences).map((/** @type {any} */ row) => rowOf(results, row, now.differences)));
  };
  const choose = (/** @type {boolean} */ differences, /** @type {string} */ text) => make("label", {}, make("input", { type: "radio", name: "figures", checked: now.differences === differences, onchange: () => { now.differences = differences; fill(); } }), text);
  const choice = base && make("fieldset", { class: "choice" }, make("legend", { class: "unseen" }, t("studies.show")), choose(false, t("studies.show.figures")), choose(true, t("studies.show.differences", { base })));
  fill();
  return make("div", {}, choice, make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": t("studies.table") }, make("table", { id: "table" }, make("caption", { class: "unseen" }, t("studies.table")), make("thead", {}, make("tr", {}, ...heads.map(({ th }) => th))), body)), make("p", { class: "soft" }, t("studies.legend")));
}

/**
 * @param {any} results
 * @param {string | null} by
 * @param {boolean} down
 * @param {boolean} differences
 */
function sorted(results, by, down, differences) {
  if (by === null) return results.rows;
  const value = (/** @type {any} */ row) => (by === "scenario" ? row.scenario : differences ? (results.differences[row.scenario]?.[by]?.mean ?? null) : (row[by] ?? null));
  const compare = (/** @type {any} */ one, /** @type {any} */ other) => {
    const [a, b] = [value(one), value(other)];
    if (a === null || b === null) return Number(a === null) - Number(b === null); // what is missing comes last
    const order = typeof a === "string" ? a.localeCompare(b, undefined, { numeric: true }) : a - b;
    return down ? -order : order;
  };
  return [...results.rows].sort(compare);
}

/**
 * @param {any} results
 * @param {any} row
 * @param {boolean} differences
 */
function rowOf(results, row, differences) {
  const name = make("th", { scope: "row" }, row.scenario, row.pareto && make("span", { class: "pareto", role: "img", "aria-label": t("studies.pareto"), title: t("studies.pareto") }, "\u00a0★"));
  if (!row.cells) return make("tr", {}, name, make("td", { colspan: COLUMNS.length, class: "bad" }, t("studies.not-planned")));
  const all = results.differences[row.scenario] ?? {};
  return make("tr", {}, name, ...COLUMNS.map(([figure]) => make("td", { class: "number" }, ...(differences ? difference(figure, all[figure], row, results) : [written(figure, row[figure], results.currency)]))));
}

/**
 * A difference with its interval; strong where it lies on one side of zero.
 *
 * @param {string} figure
 * @param {any} found
 * @param {any} row
 * @param {any} results
 */
function difference(figure, found, row, results) {
  if (!row.compared_with || !found) return ["–"];
  const say = (/** @type {number} */ value) => written(figure, value, results.currency, { sign: true });
  if (found.low === null) return [say(found.mean)];
  const clear = found.low > 0 || found.high < 0;
  return [make(clear ? "b" : "span", {}, say(found.mean)), make("small", { class: "soft" }, ` ${say(found.low)} … ${say(found.high)}`)];
}
