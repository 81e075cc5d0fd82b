// Two scenarios side by side: their figures, and their routes on two maps that move as one, with what differs marked.

import { call } from "../api.js";
import { routeColour } from "../colours.js";
import { make, styled } from "../dom.js";
import { day, number, t } from "../i18n.js";
import { COLUMNS, written } from "./figures.js";
import { ComparedMap } from "./compared-map.js";
import { ofCity, state, turnTo } from "./state.js";

const LISTED = 200; // containers in the table; all of them are on the maps

/**
 * @typedef {object} Difference of one container
 * @property {string} id
 * @property {[number, number] | null} at
 * @property {"only" | "other"} kind served in one scenario only, or by another truck
 * @property {(string | null)[]} by the truck in each scenario
 */

/**
 * @param {HTMLElement} box
 * @param {string} id of the study
 * @param {number} one position of a scenario
 * @param {number} other
 * @param {AbortSignal} signal
 */
export async function showCompare(box, id, one, other, signal) {
  const study = await call(`/v1/studies/${id}`);
  turnTo(study);
  const results = await call(`/v1/studies/${id}/results`);
  const names = [one, other].map((at) => results.study.scenario[at]?.name ?? "");
  const query = new URLSearchParams({ one: names[1], other: names[0] });
  const { files } = await call(`/v1/studies/${id}/files`);
  const [differences, ...drawn] = await Promise.all([call(`/v1/studies/${id}/compare?${query}`), ...[one, other].map((at) => routesOf(id, at, files))]);
  const places = await Promise.all(["depots", "disposal-sites", "containers"].map(ofCity));
  if (signal.aborted) return;
  const served = drawn.map(servedBy);
  const found = differ(served[0], served[1]);
  const colours = coloursOf(drawn);
  const maps = names.map((name, index) => ({ name, box: make("div", { class: "map" }), routes: drawn[index] }));
  box.append(
    make("p", {}, make("a", { href: `#study/${id}` }, study.name)),
    make("h2", {}, t("compare.heading", { one: names[0], other: names[1] })),
    figures(results, names, differences.differences),
    make("p", { id: "differ" }, summary(found)),
    make("p", { class: "soft" }, t("compare.day", { day: day(results.study.days[0]) })),
    legend(),
    make("div", { class: "maps" }, ...maps.map(({ name, box: at }) => make("figure", {}, make("figcaption", {}, make("b", {}, name)), at))),
    make("p", { class: "soft attribution" }, state.city.attribution),
  );
  const go = drawMaps(maps, places, colours, found, signal);
  box.append(make("div", { class: "tables" }, trucks(names, drawn, colours), containers(names, found, go)));
}

/**
 * The routes of a scenario on the study's first day, by its first draw; none where they were not kept.
 *
 * @param {string} id
 * @param {number} at position of the scenario
 * @param {{name: string}[]} files of the study, routes with their scenario's number in front
 */
async function routesOf(id, at, files) {
  const found = files.find(({ name }) => name.endsWith(".geojson") && parseInt(name, 10) === at + 1);
  return found ? call(`/v1/studies/${id}/files/${encodeURIComponent(found.name)}`) : { features: [] };
}

/**
 * Which truck empties each container, by the routes of a scenario.
 *
 * @param {any} routes
 * @returns {Map<string, {by: string, at: [number, number] | null}>}
 */
function servedBy(routes) {
  const found = new Map();
  for (const { properties, geometry } of routes.features) {
    if (properties.kind !== "visit") continue;
    for (const one of properties.containers) found.set(one.id, { by: properties.vehicle, at: one.lon === undefined || one.lon === null ? geometry.coordinates : [one.lon, one.lat] });
  }
  return found;
}

/**
 * @param {ReturnType<typeof servedBy>} one
 * @param {ReturnType<typeof servedBy>} other
 * @returns {Difference[]}
 */
function differ(one, other) {
  const found = [];
  for (const id of new Set([...one.keys(), ...other.keys()])) {
    const [here, there] = [one.get(id), other.get(id)];
    if (here?.by === there?.by) continue;
    found.push(/** @type {Difference} */ ({ id, at: (here ?? there)?.at ?? null, kind: here && there ? "other" : "only", by: [here?.by ?? null, there?.by ?? null] }));
  }
  return found.sort((a, b) => b.kind.localeCompare(a.kind) || a.id.localeCompare(b.id, undefined, { numeric: true }));
}

/**
 * A truck has one colour on both maps.
 *
 * @param {any[]} drawn
 */
function coloursOf(drawn) {
  const shifts = new Set(drawn.flatMap((routes) => routes.features.map((/** @type {any} */ one) => one.properties.shift).filter(Boolean)));
  return new Map([...shifts].sort((a, b) => a.localeCompare(b, undefined, { numeric: true })).map((shift, index) => [shift, routeColour(index)]));
}

/** @param {Difference[]} found */
function summary(found) {
  const only = found.filter(({ kind }) => kind === "only").length;
  return found.length ? t("compare.summary", { only, other: found.length - only }) : t("compare.same");
}

/** What the marks on the maps mean: their shapes tell them apart, not their colours alone. */
function legend() {
  return make("ul", { class: "legend" }, ...["only", "other"].map((kind) => make("li", {}, make("i", { class: `mark ${kind}` }), t(`compare.mark.${kind}`))));
}

/**
 * @param {any} results
 * @param {string[]} names
 * @param {any} differences
 */
function figures(results, names, differences) {
  const rows = names.map((name) => results.rows.find((/** @type {any} */ row) => row.scenario === name));
  const say = (/** @type {string} */ name, /** @type {number} */ value) => written(name, value, results.currency, { sign: true });
  const line = (/** @type {string} */ name) => {
    const found = differences[name];
    const span = found && found.low !== null && `${say(name, found.low)} … ${say(name, found.high)}`;
    return make("tr", {}, make("th", { scope: "row" }, t(`figure.${name}`)), ...rows.map((row) => make("td", { class: "number" }, written(name, row?.[name], results.currency))), make("td", { class: "number" }, found ? say(name, found.mean) : "–"), make("td", { class: "number soft" }, span || "–"));
  };
  const shown = COLUMNS.map(([name]) => name).filter((name) => name in differences);
  return make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": t("compare.figures") }, make("table", { id: "compared" }, make("caption", { class: "unseen" }, t("compare.figures")), make("thead", {}, make("tr", {}, make("td", {}), ...names.map((name) => make("th", { scope: "col", class: "number" }, name)), make("th", { scope: "col", class: "number" }, t("compare.difference")), make("th", { scope: "col", class: "number" }, t("chart.interval")))), make("tbody", {}, ...shown.map(line))));
}

/**
 * @param {string[]} names
 * @param {any[]} drawn
 * @param {Map<string, string>} colours
 */
function trucks(names, drawn, colours) {
  const sums = drawn.map((routes) => {
    /** @type {Map<string, {km: number, stops: Set<number>, kg: number}>} */
    const found = new Map();
    for (const { properties } of routes.features) {
      if (properties.kind !== "trip" && properties.kind !== "visit") continue;
      const sum = found.get(properties.shift) ?? { km: 0, stops: new Set(), kg: 0 };
      if (properties.kind === "trip") {
        sum.km += properties.distance_m / 1000;
        sum.kg += properties.collected_kg;
      } else sum.stops.add(properties.stop_number);
      found.set(properties.shift, sum);
    }
    return found;
  });
  const cell = (/** @type {any} */ sum) => make("td", { class: "number" }, sum ? t("compare.truck", { km: number(sum.km, 1), stops: t("stops", { count: sum.stops.size }), tonnes: number(sum.kg / 1000, 1) }) : "–");
  const rows = [...colours].map(([shift, colour]) => make("tr", {}, make("th", { scope: "row" }, styled(make("i", { class: "swatch" }), { background: colour }), ` ${shift}`), ...sums.map((one) => cell(one.get(shift)))));
  return make("section", {}, make("h3", {}, t("compare.trucks")), make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": t("compare.trucks") }, make("table", {}, make("thead", {}, make("tr", {}, make("th", { scope: "col" }, t("compare.shift")), ...names.map((name) => make("th", { scope: "col", class: "number" }, name)))), make("tbody", {}, ...rows))));
}

/**
 * @param {string[]} names
 * @param {Difference[]} found
 * @param {(at: [number, number]) => void} go
 */
function containers(names, found, go) {
  if (!found.length) return make("section", {});
  const row = (/** @type {Difference} */ one) => make("tr", {}, make("th", { scope: "row" }, one.at ? make("button", { type: "button", class: "quiet", onclick: () => go(/** @type {[number, number]} */ (one.at)) }, one.id) : one.id), ...one.by.map((by) => make("td", {}, by ?? t("compare.nobody"))));
  const rest = found.length > LISTED && make("p", { class: "soft" }, t("compare.rest", { count: found.length - LISTED }));
  return make("section", {}, make("h3", {}, t("compare.containers")), make("div", { class: "scroll tall", tabindex: 0, role: "region", "aria-label": t("compare.containers") }, make("table", { id: "differences" }, make("thead", {}, make("tr", {}, make("th", { scope: "col" }, t("compare.container")), ...names.map((name) => make("th", { scope: "col" }, name)))), make("tbody", {}, ...found.slice(0, LISTED).map(row)))), rest);
}

/**
 * Draw both maps and let them move as one; return what brings a place into view on both.
 *
 * @param {{name: string, box: HTMLElement, routes: any}[]} maps
 * @param {any[]} places
 * @param {Map<string, string>} colours
 * @param {Difference[]} found
 * @param {AbortSignal} signal
 * @returns {(at: [number, number]) => void}
 */
function drawMaps(maps, places, colours, found, signal) {
  const features = found.filter(({ at }) => at).map(({ id, at, kind }) => ({ type: "Feature", geometry: { type: "Point", coordinates: at }, properties: { id, kind } }));
  /** @type {ComparedMap[]} */
  let drawn = [];
  try {
    drawn = maps.map(({ name, box, routes }) => {
      const map = new ComparedMap(box, t("compare.map", { name }));
      map.differences = { type: "FeatureCollection", features };
      map.setCity(state.city.id, places[0], places[1], places[2]);
      map.setPlan(routes, colours);
      return map;
    });
  } catch (error) {
    console.error(error);
    for (const { box } of maps) box.replaceChildren(make("p", { class: "note" }, t("map.none")));
  }
  let moving = false;
  for (const one of drawn) {
    one.map.on("move", () => {
      if (moving) return;
      moving = true;
      for (const other of drawn) if (other !== one) other.map.jumpTo({ center: one.map.getCenter(), zoom: one.map.getZoom() });
      moving = false;
    });
  }
  signal.addEventListener("abort", () => drawn.forEach(({ map }) => map.remove()));
  return (at) => {
    drawn[0]?.map.easeTo({ center: at, zoom: Math.max(drawn[0].map.getZoom(), 16), ...drawn[0].pace() });
    maps[0].box.scrollIntoView({ block: "nearest" });
  };
}
