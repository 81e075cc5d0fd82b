// The driver's page: the next stop, and one tap to say what became of it, with or without a network.

import { Refused, Unreachable } from "../api.js";
import { byId, make } from "../dom.js";
import * as i18n from "../i18n.js";
import { ask, askNumber, choose } from "./dialogs.js";
import { keep, read } from "./kept.js";
import { Outbox } from "./outbox.js";
import { follow } from "./position.js";
import { Route, Turns } from "./route.js";
import { findShift, loadMap, loadRoute } from "./shift.js";
import { heading, laterList, stepCard, turnLine, whereLine } from "./view.js";

const { t } = i18n;
const REASONS = ["blocked", "not_out", "locked", "empty", "damaged", "wrong_waste", "unsafe", "truck_full", "other"];
const COLOUR = "#1f6fb4";
const FILLS = /** @type {const} */ ([0, 25, 50, 75, 100]);

/** @type {import("./shift.js").Shift} */
let shift;
/** @type {Route} */
let route;
/** @type {Outbox} */
let outbox;
/** @type {any} */
let state;
/** @type {[number, number] | null} */
let here = null;
/** @type {import("../map.js").RouteMap | null} */
let map = null;
/** @type {(() => void) | null} */
let stopFollowing = null;
/** @type {Turns} */
let turns = new Turns([]);

async function start() {
  document.documentElement.classList.toggle("night", (await read("night")) === true);
  await i18n.begin();
  byId("more").onclick = more;
  navigator.serviceWorker?.register("/drive-worker.js", { scope: "/drive" }).catch(console.error);
  navigator.storage?.persist?.().catch(console.error);
  try {
    const found = await findShift();
    if (!found) return welcome();
    await open(found);
  } catch (error) {
    welcome(error instanceof Unreachable ? t("error.unreachable") : error instanceof Refused && error.status === 404 ? t("drive.nothing") : String(/** @type {Error} */ (error).message));
  }
}

/** @param {string} [problem] */
function welcome(problem) {
  const input = make("input", { type: "text", id: "code", autocomplete: "off", autocapitalize: "characters", class: "large", "aria-label": t("drive.code") });
  const go = (/** @type {Event} */ event) => {
    event.preventDefault();
    location.hash = input.value.trim();
    location.reload();
  };
  const form = make("form", { class: "welcome", onsubmit: go }, make("h2", {}, t("drive.welcome")), make("p", {}, t("drive.welcome.what")), input, make("button", { class: "large main" }, t("drive.ok")));
  byId("main").replaceChildren(...(problem ? [make("p", { class: "note bad" }, problem)] : []), form);
}

/** @param {import("./shift.js").Shift} found */
async function open(found) {
  shift = found;
  const geojson = await loadRoute(shift);
  if (!geojson) return welcome(t("error.unreachable"));
  route = new Route(geojson);
  state = await read("state");
  byId("shift").lastChild.textContent = ` ${shift.shift}`;
  outbox = new Outbox(shift, update);
  await outbox.begin();
  byId("main").replaceChildren(make("div", { id: "map" }), make("div", { id: "work" }));
  update();
  if (await read("following")) beginFollowing();
  await showMap();
}

async function showMap() {
  const file = await loadMap(shift);
  try {
    const { RouteMap } = await import("../map.js");
    map = new RouteMap(byId("map"), {}, { night: () => document.documentElement.classList.contains("night") || matchMedia("(prefers-color-scheme: dark)").matches });
    const places = { features: route.steps.filter((step) => step.kind === "unload" || step.kind === "depart").map((step) => ({ type: "Feature", id: step.properties.id, geometry: { type: "Point", coordinates: step.at }, properties: {} })) };
    map.setCity(shift.city, { features: places.features.slice(0, 1) }, { features: places.features.slice(1) }, { type: "FeatureCollection", features: [] }, file);
    aim();
  } catch (error) {
    console.error(error);
    byId("map").replaceChildren(make("p", { class: "note" }, t("map.none")));
  }
}

let denied = false; // the phone may not give its position
let shown = ""; // what the page said last; buttons that a finger is on are not made anew without need

/** Draw everything that depends on what was reported. */
function update() {
  if (!outbox) return;
  const { waiting, refused } = outbox;
  byId("outbox").textContent = waiting ? t("drive.waiting", { count: waiting }) : refused ? t("drive.refused", { count: refused }) : t("drive.sent");
  byId("outbox").classList.toggle("good", !waiting && !refused);
  const work = document.getElementById("work");
  if (!work) return;
  route.follow(state, outbox.events);
  const { next } = route;
  const now = JSON.stringify([route.steps.map((step) => step.status), resting(), stopFollowing !== null, denied]);
  if (now === shown) return;
  shown = now;
  turns = new Turns(next?.properties.way ?? []);
  const progress = make("p", { class: "progress" }, make("progress", { max: Math.max(1, route.stops.length), value: route.doneStops, "aria-label": t("drive.progress") }), t("drive.of", { done: route.doneStops, all: route.stops.length }));
  const content = next ? [stepCard(next, here, turns.next), laterList(route, other)] : [make("p", { class: "note good" }, route.steps.length ? t("drive.finished") : t("drive.nothing"))];
  work.replaceChildren(following(), progress, ...content, make("div", { class: "buttons" }, ...(next ? buttons(next) : [])));
  aim();
}

/** Say how far it is from here. */
function moved() {
  const { next } = route;
  if (here && next) {
    turns.move(here);
    document.querySelector(".step .where")?.replaceWith(whereLine(next, here));
    document.querySelector(".step .turn")?.replaceWith(turnLine(turns.next, here));
  }
  look();
}

/** @param {import("./route.js").Step} step */
function buttons(step) {
  const large = (/** @type {string} */ key, /** @type {() => unknown} */ onclick, main = false) => make("button", { type: "button", class: main ? "large main" : "large", id: `do-${key.split(".").at(-1)}`, onclick }, t(key));
  if (step.kind === "visit") {
    return [large("drive.done", () => finish(step), true), large("drive.skip", () => skip(step)), large("drive.fill", () => fill(step)), large("drive.blocked", blocked)];
  }
  if (step.kind === "unload") return [large("drive.unloaded", () => unloaded(step), true), large("drive.blocked", blocked)];
  if (step.kind === "break") return [resting() ? large("drive.rested", () => report({ kind: "break_end" }, step), true) : large("drive.rest.begin", () => report({ kind: "break_start" }), true)];
  return [large(step.kind === "depart" ? "drive.left" : "drive.home", () => passed(step), true)];
}

/**
 * @param {Record<string, any>} body
 * @param {import("./route.js").Step} [step] that is over with it, where no visit says so
 */
async function report(body, step) {
  await outbox.add(body, step?.key);
}

/** @param {import("./route.js").Step} step */
async function finish(step) {
  for (const visit of step.visits) await report({ kind: "done", visit: visit.id });
}

/** @param {import("./route.js").Step} step */
async function skip(step) {
  const reason = await choose(t("drive.skip.why"), REASONS.map((one) => [one, t(`reason.${one}`)]));
  if (reason) for (const visit of step.visits) await report({ kind: "skipped", visit: visit.id, reason });
}

/** @param {import("./route.js").Step} step */
async function fill(step) {
  const seen = await choose(t("drive.fill.how"), FILLS.map((one) => [one, i18n.percent(one / 100)]));
  if (seen === null) return;
  for (const visit of step.visits) for (const { id } of visit.containers) await report({ kind: "fill", container: id, fill_percent: seen });
}

async function blocked() {
  const at = here ?? route.next?.at;
  if (!at) return;
  const sure = await choose(here ? t("drive.blocked.here") : t("drive.blocked.next"), [[true, t("drive.blocked.yes")]]);
  if (sure) await report({ kind: "could_not_pass", lon: at[0], lat: at[1] });
}

/** @param {import("./route.js").Step} step */
async function unloaded(step) {
  const kg = await askNumber(t("drive.unloaded.kg"), t("drive.unloaded.unweighed"));
  if (kg === undefined) return;
  await report({ kind: "unloaded", site: step.properties.id, ...(kg === null ? {} : { kg }) }, step);
}

/** Whether a break has begun and is not over. */
function resting() {
  return outbox.events.findLast(({ body }) => body.kind === "break_start" || body.kind === "break_end")?.body.kind === "break_start";
}

/** @param {import("./route.js").Step} step */
async function passed(step) {
  if (step.kind === "depart") {
    await keep("following", true);
    beginFollowing();
  } else {
    await keep("following", false);
    endFollowing();
  }
  await outbox.pass(step.key);
}

/** @param {import("./route.js").Step} step */
async function other(step) {
  const answers = /** @type {[string, string][]} */ (step.kind === "visit" ? [["done", t("drive.done")], ["skip", t("drive.skip")], ["fill", t("drive.fill")]] : [["passed", t("drive.passed")]]);
  const answer = await choose(heading(step), answers);
  if (answer === "done") await finish(step);
  else if (answer === "skip") await skip(step);
  else if (answer === "fill") await fill(step);
  else if (answer === "passed") await (step.kind === "unload" ? unloaded(step) : passed(step));
}

function following() {
  return make("p", { class: "soft small" }, stopFollowing ? t(denied ? "drive.denied" : "drive.following") : t("drive.not.following"));
}

function beginFollowing() {
  if (stopFollowing) return;
  stopFollowing = follow(
    (at) => {
      here = at;
      moved();
    },
    (at, accuracy) => report({ kind: "position", lon: at[0], lat: at[1], accuracy_m: Math.round(accuracy) }).then(update),
    () => {
      denied = true;
      update();
    },
  );
}

function endFollowing() {
  stopFollowing?.();
  stopFollowing = null;
  here = null;
}

/** Show what lies ahead on the map, the truck and the next stop in view. */
function aim() {
  const next = route?.next;
  if (!map || !next) return;
  const left = new Set(route.steps.filter((step) => step.status === "left").map((step) => step.properties.step));
  const ahead = route.geojson.features.filter((/** @type {any} */ one) => (one.properties.kind === "trip" ? one.properties.trip === next.properties.trip : left.has(one.properties.step)));
  map.setPlan({ features: ahead }, new Map([[shift.shift, COLOUR]]), { keepView: true });
  map.mark(next.kind === "visit" ? `${shift.shift}/${next.properties.stop_number}` : null);
  look();
}

function look() {
  const next = route?.next;
  if (next) map?.fit(true, here ? [here, next.at] : [next.at]);
}

async function more() {
  const night = document.documentElement.classList.contains("night");
  const languages = Object.entries(i18n.LANGUAGES).filter(([tag]) => tag !== i18n.current());
  const answer = await ask(t("drive.more"), (/** @type {(value: string) => void} */ done) => [
    make("button", { type: "button", class: "large", onclick: () => done("night") }, night ? t("drive.day") : t("drive.night")),
    ...languages.map(([tag, name]) => make("button", { type: "button", class: "large", lang: tag, onclick: () => done(tag) }, name)),
    make("button", { type: "button", class: "large", onclick: () => done("send") }, t("drive.send")),
  ]);
  if (answer === "night") {
    document.documentElement.classList.toggle("night", !night);
    await keep("night", !night);
    map?.restyle();
  } else if (answer === "send") await outbox?.send();
  else if (answer) i18n.choose(answer);
}

start();
