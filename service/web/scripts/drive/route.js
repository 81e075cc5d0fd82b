// The route as the driver works through it: what comes next, from the plan and from all that was reported.

/**
 * @typedef {object} Step
 * @property {string} key
 * @property {"depart" | "visit" | "unload" | "break" | "return"} kind
 * @property {any} properties of its point
 * @property {[number, number]} at
 * @property {any[]} visits that are made here; several where streams or containers stand together
 * @property {"left" | "done" | "skipped"} status
 */

const METRES_A_DEGREE = 111_195;
const BESIDE_M = 1.5; // our own figure: nearer to the truck's line than this, a container stands on neither side
const NEAR_M = 30; // our own figure: phones in streets are seldom better

export class Route {
  /** @param {any} geojson */
  constructor(geojson) {
    this.geojson = geojson;
    /** @type {Step[]} */
    this.steps = [];
    for (const feature of geojson.features) {
      const { properties } = feature;
      if (properties.kind === "trip") continue;
      const last = this.steps.at(-1);
      if (properties.kind === "visit" && last?.kind === "visit" && last.properties.stop_number === properties.stop_number) {
        last.visits.push(properties);
        continue;
      }
      this.steps.push({ key: String(properties.step), kind: properties.kind, properties, at: feature.geometry.coordinates, visits: properties.kind === "visit" ? [properties] : [], status: "left" });
    }
  }

  /**
   * Work out what is done, from what the server knew and what this phone reported since; the order does not matter.
   *
   * @param {any} state of the server, or undefined
   * @param {any[]} events of this phone
   */
  follow(state, events) {
    const said = new Map((state?.visits ?? []).filter((/** @type {any} */ one) => one.status === "done" || one.status === "skipped").map((/** @type {any} */ one) => [one.visit, one.status]));
    const passed = new Set();
    for (const { body, refused, step } of events) {
      if (refused) continue;
      if (body.kind === "done" || body.kind === "skipped") said.set(body.visit, body.kind);
      if (step !== undefined) passed.add(step);
    }
    for (const step of this.steps) {
      if (step.kind === "visit") {
        const states = step.visits.map((visit) => said.get(visit.id));
        step.status = states.every((one) => one !== undefined) ? (states.includes("done") ? "done" : "skipped") : "left";
      } else step.status = passed.has(step.key) ? "done" : "left";
    }
    // Whoever has done a later stop has left the depot, and is back from unloading before it.
    const furthest = this.steps.findLastIndex((step) => step.kind === "visit" && step.status === "done");
    for (const step of this.steps.slice(0, Math.max(0, furthest))) if (step.kind !== "visit" && step.kind !== "unload") step.status = "done";
  }

  /** The next thing to do; null when all is done. */
  get next() {
    return this.steps.find((step) => step.status === "left") ?? null;
  }

  get stops() {
    return this.steps.filter((step) => step.kind === "visit");
  }

  get doneStops() {
    return this.stops.filter((step) => step.status !== "left").length;
  }
}

/**
 * On which side of the street a stop's containers stand, as the truck comes: -1 left, 1 right, 0 where that cannot be
 * told: in line with the truck, or no way is known.
 *
 * @param {Step} step
 */
export function sideOf({ at, visits, properties }) {
  const arrival = properties.way?.at(-1);
  const containers = visits.flatMap((visit) => visit.containers).filter((one) => one.lon !== undefined);
  if (arrival?.maneuver !== "arrive" || !containers.length) return 0;
  const radians = Math.PI / 180;
  const east = containers.reduce((sum, { lon }) => sum + (lon - at[0]), 0) * Math.cos(at[1] * radians);
  const north = containers.reduce((sum, { lat }) => sum + (lat - at[1]), 0);
  const across = (east * Math.cos(arrival.bearing_deg * radians) - north * Math.sin(arrival.bearing_deg * radians)) / containers.length;
  return Math.abs(across) * METRES_A_DEGREE < BESIDE_M ? 0 : Math.sign(across);
}

/**
 * The turns of the way to a step as the truck makes them: one lies behind it when it was near and is not any more.
 */
export class Turns {
  /** @param {any[]} way */
  constructor(way) {
    this.way = way;
    this.ahead = 0;
    this.near = false;
  }

  /** @param {[number, number]} here */
  move(here) {
    for (let index = this.way.length - 1; index >= this.ahead; index -= 1) {
      if (metres(here, [this.way[index].lon, this.way[index].lat]) > NEAR_M) continue;
      [this.ahead, this.near] = [index, true];
      return;
    }
    if (this.near) this.ahead += 1;
    this.near = false;
  }

  get next() {
    return this.way[this.ahead] ?? null;
  }
}

/**
 * Metres between two positions (haversine, mean radius of the earth 6,371,009 m).
 *
 * @param {[number, number]} a
 * @param {[number, number]} b
 */
export function metres(a, b) {
  const radians = Math.PI / 180;
  const half = (/** @type {number} */ from, /** @type {number} */ to) => Math.sin(((to - from) * radians) / 2) ** 2;
  return 2 * 6_371_009 * Math.asin(Math.sqrt(half(a[1], b[1]) + Math.cos(a[1] * radians) * Math.cos(b[1] * radians) * half(a[0], b[0])));
}
