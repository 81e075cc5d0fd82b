// What came of a study: the answer, charts, the table, what bound each scenario, and all of it as files.

import { call, file } from "../api.js";
import { make, save } from "../dom.js";
import { day, percent, t } from "../i18n.js";
import { askLike } from "./ask.js";
import { costBars, fleetCurve, tradeOff } from "./chart.js";
import { answerOf, boundOf, fleetsOf } from "./figures.js";
import { attempt } from "./state.js";
import { back } from "./study.js";
import { scenarioTable } from "./table.js";

/**
 * @param {HTMLElement} box
 * @param {any} study
 * @param {AbortSignal} signal
 */
export async function showResults(box, study, signal) {
  const whole = study.status === "done";
  const [results, { files }] = await Promise.all([call(`/v1/studies/${study.id}/results`), whole ? call(`/v1/studies/${study.id}/files`) : { files: [] }]);
  if (signal.aborted) return;
  const planned = results.rows.filter((/** @type {any} */ row) => row.cells);
  const fleets = fleetsOf(results);
  const answer = answerOf(results);
  const { study: asked } = results;
  const about = t("studies.about", { scenarios: asked.scenario.length, days: asked.days.length === 1 ? day(asked.days[0]) : t("studies.period", { first: day(asked.days[0]), last: day(asked.days.at(-1)) }), seeds: asked.seeds, reserve: percent(asked.reserve) });
  const charts = planned.length > 1 && [fleets.length ? fleetCurve(results, fleets) : costBars(results, planned), tradeOff(results, planned)];
  box.append(
    ...(whole ? [back(), make("h2", {}, study.name)] : []),
    make("p", { class: "soft" }, about),
    ...(answer ? [make("p", { class: "note good answer", id: "answer" }, answer)] : []),
    ...failures(results),
    make("section", {}, make("h3", {}, t("studies.results")), scenarioTable(results)),
    ...(charts ? [make("section", {}, make("h3", {}, t("studies.charts")), ...charts)] : []),
    ...(planned.length > 1 && whole ? [compareForm(study.id, asked, planned)] : []),
    make("section", {}, make("h3", {}, t("studies.bound")), make("dl", { class: "bound" }, ...planned.flatMap((/** @type {any} */ row) => [make("dt", {}, row.scenario), make("dd", {}, boundOf(results, row))]))),
    ...(whole ? [downloads(study.id, asked, files)] : []),
    make("p", { class: "actions" }, make("button", { type: "button", onclick: () => askLike(asked) }, t("studies.like"))),
  );
}

/**
 * Scenarios that could not be made or planned, apart from the others, each with its reason.
 *
 * @param {any} results
 */
function failures(results) {
  const refused = results.rows.filter((/** @type {any} */ row) => row.why_not && !row.failed).map((/** @type {any} */ row) => [row.scenario, row.why_not]);
  const failed = results.failures.map((/** @type {any} */ one) => [`${one.scenario}, ${day(one.date)}, ${t("studies.draw", { n: one.seed + 1 })}`, one.why]);
  const all = [...refused, ...failed];
  if (!all.length) return [];
  return [make("section", { class: "note bad", id: "failures" }, make("h3", {}, t("studies.failures", { count: all.length })), make("ul", {}, ...all.map(([what, why]) => make("li", {}, make("b", {}, what), ": ", make("span", { lang: "en" }, why)))), make("p", {}, t("studies.failures.what")))];
}

/**
 * @param {string} id
 * @param {any} asked
 * @param {any[]} planned
 */
function compareForm(id, asked, planned) {
  const names = asked.scenario.map((/** @type {any} */ one) => one.name);
  const select = (/** @type {string} */ name, /** @type {number} */ chosen) => make("select", { id: name }, ...planned.map((row, index) => make("option", { value: names.indexOf(row.scenario), selected: index === chosen }, row.scenario)));
  const [one, other] = [select("compare-one", 0), select("compare-other", planned.length - 1)];
  const go = make("button", { class: "main" }, t("compare.go"));
  const form = make("form", { class: "compare-form", onsubmit: (/** @type {Event} */ event) => {
    event.preventDefault();
    location.hash = `#compare/${id}/${one.value}/${other.value}`;
  } }, make("label", { for: "compare-one" }, t("compare.left")), one, make("label", { for: "compare-other" }, t("compare.right")), other, go);
  return make("section", {}, make("h3", {}, t("compare.title")), form);
}

/** What each file is; routes have a name of their own for each scenario. */
const FILES = { "brief.pdf": "brief", "table.csv": "csv", "table.parquet": "parquet", "study.json": "json", "cost.svg": "cost", "left.svg": "left" };

/**
 * @param {string} id
 * @param {any} asked
 * @param {{name: string}[]} files
 */
function downloads(id, asked, files) {
  const link = (/** @type {string} */ name, /** @type {string} */ text) => {
    const address = `/v1/studies/${id}/files/${encodeURIComponent(name)}`;
    const take = (/** @type {Event} */ event) => {
      event.preventDefault(); // what goes wrong is said here, not saved as a file
      attempt(async () => save(await file(address), name));
    };
    return make("li", {}, make("a", { href: address, download: name, onclick: take }, text));
  };
  const there = files.map(({ name }) => name);
  const known = Object.entries(FILES).filter(([name]) => there.includes(name)).map(([name, key]) => link(name, t(`studies.file.${key}`)));
  const routes = there.filter((name) => name.endsWith(".geojson")).map((name) => link(name, asked.scenario[parseInt(name, 10) - 1]?.name ?? name));
  return make(
    "section",
    { id: "downloads" },
    make("h3", {}, t("studies.files")),
    known.length ? make("ul", { class: "files" }, ...known) : make("p", { class: "soft" }, t("studies.files.none")),
    routes.length > 0 && make("details", {}, make("summary", {}, t("studies.file.routes")), make("ul", { class: "files" }, ...routes)),
  );
}
