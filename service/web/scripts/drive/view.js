// What the driver sees: the next stop in large type, what to do there, and the buttons for it.

import { make } from "../dom.js";
import { clock, has, number, t } from "../i18n.js";
import { metres, sideOf } from "./route.js";

const FEW = 6; // of what comes later
const AHEAD_M = 30; // a turn that is nearer is made now

/** @param {string} stream */
export const streamName = (stream) => (has(`stream.${stream}`) ? t(`stream.${stream}`) : stream);

/** @param {number} away metres */
export const distance = (away) => (away < 1000 ? t("drive.m", { m: number(Math.round(away / 10) * 10) }) : t("drive.km", { km: number(away / 1000, 1) }));

const SIDES = { "-1": "left", 0: "", 1: "right" };

/**
 * The card of the next step.
 *
 * @param {import("./route.js").Step} step
 * @param {[number, number] | null} here
 * @param {any} turn the next one on the way there, or null
 */
export function stepCard(step, here, turn) {
  const { properties } = step;
  const side = SIDES[/** @type {keyof typeof SIDES} */ (sideOf(step))];
  const street = properties.way?.findLast((/** @type {any} */ one) => one.street)?.street;
  const place = [street, side && t(`drive.side.${side}`)].filter(Boolean).join(" · ");
  const all = (properties.way ?? []).map((/** @type {any} */ one) => make("li", {}, one.text));
  return make(
    "section",
    { class: "step", "aria-live": "polite" },
    whereLine(step, here),
    make("h2", {}, heading(step)),
    place ? make("p", { class: "place" }, place) : null,
    ...step.visits.map((visit) => make("p", { class: "what" }, t("drive.empty", { containers: t("containers", { count: visit.containers.length }), stream: streamName(visit.stream), kg: visit.demand_kg }))),
    turnLine(turn, here),
    ...(all.length ? [make("details", { class: "turns" }, make("summary", {}, t("drive.way")), make("ol", {}, ...all))] : []),
  );
}

/**
 * How far the step is, and when it is planned.
 *
 * @param {import("./route.js").Step} step
 * @param {[number, number] | null} here
 */
export function whereLine(step, here) {
  const { kind, properties } = step;
  const away = here ? metres(here, step.at) : properties.leg_distance_m;
  const title = kind === "visit" ? String(properties.stop_number) : t(`drive.sign.${kind}`);
  return make("p", { class: "where" }, make("b", { class: `sign ${kind}` }, title), make("span", {}, make("strong", {}, distance(away)), make("small", {}, t("drive.planned", { time: clock(properties.start) }))));
}

/**
 * The next turn; nothing where none is left.
 *
 * @param {any} turn
 * @param {[number, number] | null} here
 */
export function turnLine(turn, here) {
  const far = here && turn ? metres(here, [turn.lon, turn.lat]) : 0;
  return make("p", { class: "turn", hidden: !turn }, far >= AHEAD_M && `${distance(far)}: `, make("b", {}, turn?.text ?? ""));
}

/** @param {import("./route.js").Step} step */
export function heading({ kind, properties }) {
  if (kind === "visit") return properties.stop;
  if (kind === "break") return t("drive.rest", { minutes: Math.round((properties.departure_s - properties.start_s) / 60) });
  return t(`step.${kind}`, { place: properties.id });
}

/**
 * What comes after, to tap when the order is another one.
 *
 * @param {import("./route.js").Route} route
 * @param {(step: import("./route.js").Step) => void} open
 */
export function laterList(route, open) {
  const left = route.steps.filter((step) => step.status === "left").slice(1);
  const rows = (/** @type {import("./route.js").Step[]} */ steps) => steps.map((step) => make("li", {}, make("button", { type: "button", onclick: () => open(step) }, make("b", {}, step.kind === "visit" ? String(step.properties.stop_number) : t(`drive.sign.${step.kind}`)), make("span", {}, heading(step)), make("small", {}, clock(step.properties.start)))));
  const rest = left.slice(FEW);
  return make(
    "section",
    { class: "later" },
    make("h3", {}, t("drive.then")),
    make("ol", {}, ...rows(left.slice(0, FEW))),
    rest.length ? make("details", {}, make("summary", {}, t("stops", { count: rest.length })), make("ol", {}, ...rows(rest))) : null,
  );
}
