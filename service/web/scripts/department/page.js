// The department's page: tomorrow at a glance, on the map and as a list.

import { call, renew, Unreachable } from "../api.js";
import { byId, make } from "../dom.js";
import * as i18n from "../i18n.js";
import { RouteMap } from "../map.js";
import { showCityPart } from "./city.js";
import { leaveContainers, showContainers } from "./containers.js";
import { PlanPart } from "./plan.js";
import { showReadings } from "./readings.js";
import { here, say, state } from "./state.js";

const { t } = i18n;
const RENEW_MS = 600_000; // before a session's token ends, so that the map's own requests go on
const FOLLOWED = ["published", "running", "closed"];
const TABS = ["plan", "containers", "readings", "city"];

/** @type {RouteMap | null} */
let map = null;
/** @type {PlanPart} */
let part;
let asked = 0; // the newest request wins when somebody chooses quickly

/**
 * Do something that may fail, and say why it did.
 *
 * @param {() => Promise<unknown>} work
 */
async function attempt(work) {
  try {
    await work();
  } catch (error) {
    const away = error instanceof Unreachable;
    const again = away && make("button", { type: "button", class: "quiet", onclick: () => attempt(work) }, t("error.again"));
    say(make("p", { class: "note bad" }, away ? t("error.unreachable") : String(/** @type {Error} */ (error).message), again));
    if (!away) console.error(error);
  }
}

/**
 * @param {HTMLSelectElement} select
 * @param {[string, string][]} items value and text
 * @param {string} [chosen]
 */
function options(select, items, chosen) {
  select.replaceChildren(...items.map(([value, text]) => make("option", { value, selected: value === chosen }, text)));
  select.disabled = items.length === 0;
}

async function start() {
  await i18n.begin();
  options(byId("language"), Object.entries(i18n.LANGUAGES), i18n.current());
  byId("language").onchange = () => i18n.choose(byId("language").value);
  startMap();
  part = new PlanPart(map, { attempt, reload: loadDay });
  byId("city").onchange = () => attempt(() => showCity(byId("city").value));
  byId("date").onchange = () => attempt(() => showDay(byId("date").value));
  byId("version").onchange = () => attempt(() => showPlan(byId("version").value));
  byId("fit").onclick = () => part.choose(null);
  listenToTabs();
  await attempt(async () => {
    await showWho();
    await loadCities();
  });
}

/** Say who is signed in, where the server asks that. */
async function showWho() {
  const who = await call("/v1/session").catch((error) => {
    if (error instanceof Unreachable) throw error;
    return null;
  });
  if (who?.kind !== "account") return;
  const leave = async () => {
    await call("/v1/session", { method: "DELETE" });
    location.assign("/sign-in");
  };
  byId("who").replaceChildren(who.name, make("button", { type: "button", class: "quiet", onclick: () => attempt(leave) }, t("sign-out")));
  setInterval(() => renew().catch(console.error), RENEW_MS);
}

function startMap() {
  try {
    map = new RouteMap(byId("map"), {
      hover: (shift, uid) => part.hovered(shift, uid),
      pick: (shift, uid) => part.picked(shift, uid),
      drop: (uid, shift, before) => part.dropped(uid, shift, before),
    });
  } catch (error) {
    console.error(error);
    byId("map-none").hidden = false;
  }
}

/** @param {string} [wanted] the short name of the city to show; the first when absent */
export async function loadCities(wanted) {
  const { cities } = await call("/v1/cities");
  state.cities = cities;
  const chosen = cities.find((/** @type {any} */ one) => one.id === (wanted ?? new URLSearchParams(location.search).get("city"))) ?? cities[0];
  options(byId("city"), cities.map((/** @type {any} */ one) => [one.id, one.name]), chosen?.id);
  if (chosen) return showCity(chosen.id);
  options(byId("city"), [["", t("city.none")]]);
  byId("city").disabled = true;
  say(make("p", { class: "note" }, t("city.none.what")));
  showTab("city");
}

/** @param {string} id */
async function showCity(id) {
  const city = state.cities.find((one) => one.id === id);
  state.city = city;
  byId("attribution").textContent = city.attribution;
  const [depots, sites, containers] = await Promise.all(["depots", "disposal-sites", "containers"].map((part) => call(`${here()}/${part}`)));
  if (state.city !== city) return;
  map?.setCity(id, depots, sites, containers);
  byId("date").disabled = false; // not before: a day chosen meanwhile would be lost
  await showDay(i18n.dateIn(city.timezone, 1));
}

/** @param {string} date */
async function showDay(date) {
  if (!date) return;
  state.date = date;
  byId("date").value = date;
  await loadDay();
}

/** Read the day's plans and show the newest, or the one that is wanted. */
async function loadDay(/** @type {string} */ wanted = "") {
  say(null);
  const { city, date } = state;
  const { plans } = await call(`${here()}/plans`);
  if (state.city !== city || state.date !== date) return;
  state.all = plans;
  state.plans = plans.filter((/** @type {any} */ plan) => plan.date === date && plan.state !== "discarded");
  byId("versions").hidden = state.plans.length < 2;
  const chosen = state.plans.find((plan) => plan.id === wanted) ?? state.plans.find((plan) => FOLLOWED.includes(plan.state)) ?? state.plans[0];
  options(byId("version"), state.plans.map((plan) => [plan.id, `${t("plan.made", { time: i18n.clockIn(plan.created_at, city.timezone) })} · ${t(`state.${plan.state}`)}`]), chosen?.id);
  await showPlan(chosen?.id);
  refreshTab();
}

/** @param {string | undefined} id */
async function showPlan(id) {
  const mine = ++asked;
  const plan = id ? await call(`/v1/plans/${id}`) : null;
  const [routes, line] = plan ? await Promise.all([call(plan.geojson), plan.parent_id ? call(`/v1/plans/${id}/revisions`) : null]) : [null, null];
  if (mine !== asked) return;
  state.plan = plan;
  state.routes = routes;
  state.locked = lockedBy(line?.revisions ?? [], plan);
  part.show();
}

/**
 * The visits that stay with their vehicle after all edits that led to a plan.
 *
 * @param {any[]} revisions of the line that it belongs to
 * @param {any} plan
 */
function lockedBy(revisions, plan) {
  const before = new Map(revisions.map((one) => [one.id, one]));
  /** @type {Map<string, boolean>} */
  const last = new Map(); // the latest word on each visit
  for (let at = before.get(plan?.id); at; at = before.get(at.parent_id)) {
    for (const { kind, visit } of [...at.edits].reverse()) {
      if ((kind === "lock" || kind === "unlock") && !last.has(visit)) last.set(visit, kind === "lock");
    }
  }
  return new Set([...last].filter(([, locked]) => locked).map(([visit]) => visit));
}

function listenToTabs() {
  for (const name of TABS) byId(`tab-${name}`).onclick = () => showTab(name);
  byId("tab-plan").parentElement.onkeydown = (/** @type {KeyboardEvent} */ event) => {
    const at = TABS.findIndex((name) => byId(`tab-${name}`).getAttribute("aria-selected") === "true");
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = TABS[(at + step + TABS.length) % TABS.length];
    showTab(next);
    byId(`tab-${next}`).focus();
  };
}

let tab = "plan";

/** @param {string} chosen */
function showTab(chosen) {
  tab = chosen;
  for (const name of TABS) {
    const on = name === chosen;
    byId(`tab-${name}`).setAttribute("aria-selected", String(on));
    byId(`tab-${name}`).tabIndex = on ? 0 : -1;
    byId(`part-${name}`).hidden = !on;
  }
  refreshTab();
}

function refreshTab() {
  if (tab !== "containers") leaveContainers(map);
  if (tab === "city") showCityPart(byId("part-city"), { done: (id) => attempt(() => loadCities(id)) });
  if (!state.city) return;
  if (tab === "containers") attempt(() => showContainers(byId("part-containers"), map));
  if (tab === "readings") attempt(() => showReadings(byId("part-readings"), attempt));
}

start();
