// The planner's page: how many vehicles does the city need? Studies, followed and read.

import { call, post, Unreachable } from "../api.js";
import { byId, make, pause } from "../dom.js";
import * as i18n from "../i18n.js";
import { costChart } from "./chart.js";

const { t } = i18n;
const POLL_MS = 1_000;
const COLUMNS = /** @type {const} */ (["cost", "cost_per_tonne", "trucks", "km", "crew_hours", "tonnes", "overflows", "unserved", "co2e_kg"]);
/** @type {any} */
let city = null;

/** @param {() => Promise<unknown>} work */
async function attempt(work) {
  byId("message").replaceChildren();
  try {
    await work();
  } catch (error) {
    const text = error instanceof Unreachable ? t("error.unreachable") : /** @type {Error} */ (error).message;
    byId("message").replaceChildren(make("p", { class: "note bad" }, text));
  }
}

async function start() {
  await i18n.begin();
  byId("language").replaceChildren(...Object.entries(i18n.LANGUAGES).map(([tag, name]) => make("option", { value: tag, selected: tag === i18n.current() }, name)));
  byId("language").onchange = () => i18n.choose(byId("language").value);
  byId("ask").onsubmit = (/** @type {Event} */ event) => {
    event.preventDefault();
    attempt(ask);
  };
  await attempt(async () => {
    const { cities } = await call("/v1/cities");
    byId("city").replaceChildren(...cities.map((/** @type {any} */ one) => make("option", { value: one.id }, one.name)));
    byId("city").disabled = byId("go").disabled = !cities.length;
    byId("city").onchange = () => attempt(() => show(cities.find((/** @type {any} */ one) => one.id === byId("city").value)));
    if (cities.length) await show(cities[0]);
    else byId("list").replaceChildren(make("li", {}, t("city.none")));
  });
}

/** @param {any} chosen */
async function show(chosen) {
  city = chosen;
  byId("most").value = city.vehicles;
  byId("results").replaceChildren();
  await list();
}

async function ask() {
  const fleet = `${byId("least").value}..${byId("most").value}`;
  const wanted = { name: t("studies.name", { fleet }), from: i18n.dateIn(city.timezone, 1), count: Number(byId("days").value), seeds: Number(byId("seeds").value), fleet };
  await post(`/v1/cities/${city.id}/studies`, wanted);
  await list();
}

/** List the studies, and look again while one is under way. */
async function list() {
  const mine = city;
  for (;;) {
    const { studies } = await call(`/v1/cities/${mine.id}/studies`);
    if (city !== mine) return;
    byId("list").replaceChildren(...(studies.length ? studies.map(row) : [make("li", { class: "soft" }, t("studies.none"))]));
    if (!studies.some((/** @type {any} */ one) => one.status === "queued" || one.status === "running")) return;
    await pause(POLL_MS);
  }
}

/** @param {any} study */
function row(study) {
  const open = make("button", { type: "button", onclick: () => attempt(() => results(study)) }, t("studies.open"));
  const stop = make("button", { type: "button", onclick: () => attempt(() => post(`/v1/studies/${study.id}/cancel`, {})) }, t("plan.stop"));
  const going = study.status === "queued" || study.status === "running";
  const bar = make("progress", { max: Math.max(1, study.total), value: study.done, "aria-label": study.name });
  return make("li", {}, make("b", {}, study.name), make("span", { class: "badge" }, t(`study.${study.status}`)), going && bar, study.error && make("span", { class: "soft" }, study.error), make("span", { class: "gap" }), going ? stop : study.status === "done" && open);
}

/** @param {any} study */
async function results(study) {
  const found = await call(`/v1/studies/${study.id}/results`);
  const head = make("tr", {}, make("th", { scope: "col" }, t("studies.scenario")), ...COLUMNS.map((name) => make("th", { scope: "col", class: "number" }, t(`studies.${name}`))), make("th", { scope: "col", class: "number" }, t("studies.difference")), make("th", { scope: "col", class: "number" }, t("studies.served")));
  const money = (/** @type {number | null} */ value) => (value === null ? "–" : i18n.money(value, found.currency));
  const cells = (/** @type {any} */ one) => COLUMNS.map((name) => make("td", { class: "number" }, one[name] === undefined ? "–" : name.startsWith("cost") ? i18n.money(one[name], found.currency, name === "cost" ? 0 : 1) : i18n.number(one[name], 1)));
  const difference = (/** @type {any} */ one) => (one.cost_difference === null ? "–" : `${money(one.cost_difference)} (${money(one.cost_difference_low)} – ${money(one.cost_difference_high)})`);
  const rows = found.rows.map((/** @type {any} */ one) => make("tr", {}, make("th", { scope: "row" }, one.scenario), ...cells(one), make("td", { class: "number" }, difference(one)), make("td", { class: "number" }, i18n.percent(one.served_days))));
  byId("results").replaceChildren(
    make("h2", {}, study.name),
    make("p", { class: "note good" }, found.answer || t("studies.answer.none")),
    costChart(found.rows, found.currency),
    make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": t("studies.table") }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows))),
    make("p", {}, make("a", { href: `/v1/studies/${study.id}/brief.pdf` }, t("studies.brief"))),
  );
  byId("results").scrollIntoView();
}

start();
