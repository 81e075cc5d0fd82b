// What is laid over the map: routes with their directions and numbered stops, containers, depots and disposal sites.

import { FILL } from "./colours.js";

/** @typedef {import("/web/vendor/maplibre-gl/maplibre-gl.mjs").LayerSpecification} Layer */

export const EMPTY = Object.freeze({ type: "FeatureCollection", features: [] });
export const SOURCES = ["routes", "stops", "unserved", "containers", "places", "rest", "trucks"];

const hovered = ["boolean", ["feature-state", "hover"], false];
const zoomed = (/** @type {any[]} */ ...stops) => ["interpolate", ["linear"], ["zoom"], ...stops];

/**
 * The layers, the lowest first.
 *
 * @param {{halo: string, ink: string}} ink
 * @returns {Layer[]}
 */
export function overlayLayers(ink) {
  const round = { "line-cap": "round", "line-join": "round" };
  // Trucks drive beside the middle of the street: the two ways along one street lie side by side.
  const beside = zoomed(12, 0, 14, 1.5, 17, 5);
  return /** @type {Layer[]} */ ([
    { id: "rest", type: "circle", source: "rest", paint: { "circle-radius": zoomed(11, 1, 15, 3, 18, 5), "circle-color": ink.ink, "circle-opacity": 0.35 } },
    { id: "containers", type: "circle", source: "containers", layout: { visibility: "none" }, paint: { "circle-radius": zoomed(11, 2.5, 14, 5, 17, 9), "circle-color": containerColour("fill"), "circle-stroke-color": ink.halo, "circle-stroke-width": 1 } },
    { id: "routes-casing", type: "line", source: "routes", layout: round, paint: { "line-color": ink.halo, "line-width": zoomed(10, 3, 14, 6, 17, 9), "line-offset": beside, "line-opacity": 0.85 } },
    { id: "routes", type: "line", source: "routes", layout: round, paint: { "line-color": ["get", "colour"], "line-width": zoomed(10, 2, 14, 3.6, 17, 6), "line-offset": beside, "line-opacity": 0.9 } },
    { id: "arrows", type: "symbol", source: "routes", minzoom: 13, layout: { "symbol-placement": "line", "symbol-spacing": 90, "icon-image": ["concat", "arrow|", ["get", "colour"]], "icon-rotation-alignment": "map", "icon-size": zoomed(13, 0.45, 17, 0.8), "icon-allow-overlap": true, "icon-ignore-placement": true, "icon-offset": ["interpolate", ["linear"], ["zoom"], 12, ["literal", [0, 0]], 17, ["literal", [0, 8]]] } },
    { id: "stops", type: "circle", source: "stops", paint: { "circle-radius": zoomed(10, ["case", hovered, 5, 2], 13, ["case", hovered, 9, 4.5], 14.5, ["case", hovered, 13, 9.5]), "circle-color": ["get", "colour"], "circle-stroke-color": ["case", hovered, ink.ink, "#ffffff"], "circle-stroke-width": ["case", hovered, 2.5, 1.2] } },
    { id: "stop-numbers", type: "symbol", source: "stops", minzoom: 14, layout: { "icon-image": ["concat", "number|", ["to-string", ["get", "stop_number"]]], "symbol-sort-key": ["get", "stop_number"], "icon-padding": 0 } },
    { id: "unserved", type: "symbol", source: "unserved", layout: { "icon-image": "unserved|", "icon-allow-overlap": true, "icon-size": zoomed(10, 0.5, 14, 0.85) } },
    { id: "places", type: "symbol", source: "places", layout: { "icon-image": ["concat", ["get", "kind"], "|"], "icon-allow-overlap": true } },
    { id: "place-labels", type: "symbol", source: "places", layout: { "icon-image": ["concat", "text|place|", ["get", "name"]], "icon-anchor": "top", "icon-offset": [0, 14], "icon-padding": 2 } },
    { id: "trucks", type: "symbol", source: "trucks", layout: { "icon-image": "truck|", "icon-allow-overlap": true } },
    { id: "truck-names", type: "symbol", source: "trucks", layout: { "icon-image": ["concat", "text|place|", ["get", "name"]], "icon-anchor": "bottom", "icon-offset": [0, -14], "icon-allow-overlap": true } },
  ]);
}

/**
 * How containers are coloured: by how full they will be, or by how likely they run over.
 *
 * @param {"fill" | "overflow"} by
 * @returns {any}
 */
export function containerColour(by) {
  const [empty, half, nearly, over] = FILL;
  const steps = by === "fill" ? [0.5, 0.75, 0.95] : [0.05, 0.2, 0.5];
  return ["step", ["get", by], empty, steps[0], half, steps[1], nearly, steps[2], over];
}

/**
 * The routes of a plan as what is drawn: a line for each trip, a point for each stop, a cross for what is unserved.
 *
 * @param {any} plan all routes as GeoJSON
 * @param {Map<string, string>} colours by shift
 */
export function drawnPlan(plan, colours) {
  /** @type {Record<string, any[]>} */
  const drawn = { routes: [], stops: [], unserved: [] };
  const seen = new Set();
  for (const feature of plan.features) {
    const { kind, shift, stop_number: number, id } = feature.properties;
    const colour = colours.get(shift);
    if (kind === "trip") drawn.routes.push({ ...feature, properties: { uid: feature.id, shift, colour } });
    else if (kind === "visit") {
      const uid = `${shift}/${number}`;
      if (seen.has(uid)) continue; // visits in a row at one stop are one point
      seen.add(uid);
      drawn.stops.push({ ...feature, properties: { uid, visit: id, shift, stop_number: number, colour } });
    } else if (kind === "unserved" && feature.geometry) drawn.unserved.push({ ...feature, properties: { uid: `unserved/${id}`, visit: id } });
  }
  return Object.fromEntries(Object.entries(drawn).map(([name, features]) => [name, { type: "FeatureCollection", features }]));
}
