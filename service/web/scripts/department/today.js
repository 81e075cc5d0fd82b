// The life of a day's plan: published, running, closed; and how far each crew is.

import { call, post } from "../api.js";
import { byId, make } from "../dom.js";
import { clockIn, number, t } from "../i18n.js";
import { EMPTY } from "../layers.js";
import { goesOut, printSheets } from "./handing.js";
import { here, state } from "./state.js";

const POLL_MS = 15_000;
const LATE_S = 15 * 60; // our own figure: what a dispatcher would want to look at
/** @type {ReturnType<typeof setTimeout> | undefined} */
let next;

/**
 * What can be done with the plan that is shown.
 *
 * @param {{attempt: (work: () => Promise<unknown>) => void, reload: (wanted?: string) => Promise<void>}} page
 * @returns {HTMLElement[]}
 */
export function lifeButtons(page) {
  const { plan } = state;
  const act = (/** @type {string} */ verb, main = false) => {
    const work = async () => {
      await post(`/v1/plans/${plan.id}/${verb}`, {});
      await page.reload(plan.id);
    };
    return make("button", { type: "button", id: verb, class: main ? "main" : "", onclick: () => page.attempt(work) }, t(`day.${verb}`));
  };
  if (plan.state === "draft" || plan.state === "replaced") return [act("publish", plan.state === "draft")];
  if (!goesOut()) return [];
  const print = make("button", { type: "button", id: "print", class: "main", onclick: () => page.attempt(() => printSheets(null)) }, t("hand.print.all"));
  return [print, act("close")];
}

/**
 * Show how far the day is, again and again while it is looked at: in figures, and where the trucks are.
 *
 * @param {import("../map.js").RouteMap | null} map
 */
export async function followDay(map) {
  clearTimeout(next);
  const { plan } = state;
  const box = byId("today");
  if (!plan || !["published", "running", "closed"].includes(plan.state)) {
    box.replaceChildren();
    map?.put("trucks", EMPTY);
    return;
  }
  const progress = await call(`${here()}/days/${state.date}/progress`);
  if (state.plan !== plan) return;
  const seen = progress.shifts.filter((/** @type {any} */ one) => one.position);
  const trucks = seen.map((/** @type {any} */ { shift, vehicle, position }) => ({ type: "Feature", geometry: { type: "Point", coordinates: [position.lon, position.lat] }, properties: { uid: `truck/${shift}`, name: vehicle } }));
  map?.put("trucks", { type: "FeatureCollection", features: trucks });
  const rows = progress.shifts.filter((/** @type {any} */ one) => one.planned || one.done).map((/** @type {any} */ one) => {
    const bar = make("progress", { max: Math.max(1, one.planned), value: one.done + one.skipped, "aria-label": one.shift });
    const late = one.behind_s !== null && one.behind_s > LATE_S;
    const seen = one.last_seen ? clockIn(one.last_seen, state.city.timezone) : "–";
    return make(
      "tr",
      {},
      make("th", { scope: "row" }, one.vehicle),
      make("td", {}, bar),
      make("td", { class: "number" }, `${number(one.done)} / ${number(one.planned)}`),
      make("td", { class: late ? "number late" : "number" }, one.behind_s === null ? "–" : t("day.minutes", { minutes: Math.round(one.behind_s / 60) })),
      make("td", { class: "number" }, seen),
    );
  });
  const head = ["day.crew", "", "day.done", "day.behind", "day.seen"].map((key) => make("th", { scope: "col", class: key && key !== "day.crew" ? "number" : "" }, key ? t(key) : ""));
  const summary = make("p", {}, t("day.progress", { done: progress.done, planned: progress.planned, skipped: progress.skipped }));
  box.replaceChildren(make("details", { open: progress.done > 0 }, make("summary", {}, t("day.running")), summary, make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows))));
  if (plan.state !== "closed") next = setTimeout(() => followDay(map).catch(console.error), POLL_MS);
}
