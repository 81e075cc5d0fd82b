// Which shift the phone drives: by the link that the dispatcher handed over, or by its address on a server that asks
// nobody who they are.

import { call, post, Refused } from "../api.js";
import { current } from "../i18n.js";
import { forgetShift, keep, read } from "./kept.js";

/**
 * @typedef {object} Shift
 * @property {string} city
 * @property {string} date
 * @property {string} shift
 * @property {string | null} token
 * @property {string} base where the shift is in the API
 * @property {Record<string, string>} headers of every request
 */

/** @returns {Promise<Shift | null>} the shift of the address, else the one that is kept; null where there is none */
export async function findShift() {
  const code = location.hash.slice(1);
  const asked = new URLSearchParams(location.search);
  /** @type {any} */
  let found = null;
  if (code) {
    found = await openLink(code);
    history.replaceState(null, "", "/drive"); // the code is a key: it does not stay in the address
  } else if (asked.has("shift")) found = { city: asked.get("city"), date: asked.get("date"), shift: asked.get("shift"), token: null };
  const before = await read("shift");
  if (!found) return before ? addressed(before) : null;
  const same = before && before.city === found.city && before.date === found.date && before.shift === found.shift;
  if (!same) await forgetShift();
  await keep("shift", found);
  return addressed(found);
}

/** @param {string} code */
export async function openLink(code) {
  const opened = await post("/v1/driver-session", { code });
  return { city: opened.city_id, date: opened.date, shift: opened.shift, token: opened.access_token };
}

/**
 * @param {any} kept
 * @returns {Shift}
 */
function addressed(kept) {
  const base = `/v1/cities/${kept.city}/days/${kept.date}/shifts/${encodeURIComponent(kept.shift)}`;
  /** @type {Record<string, string>} */
  const headers = kept.token ? { Authorization: `Bearer ${kept.token}` } : {};
  return { ...kept, base, headers };
}

/**
 * The shift's route, from the server where it answers, else from the phone.
 *
 * @param {Shift} shift
 * @returns {Promise<any | null>}
 */
export async function loadRoute(shift) {
  const headers = { ...shift.headers, "Accept-Language": current() };
  try {
    const [route, state] = await Promise.all([call(`${shift.base}/route.geojson`, { headers }), call(`${shift.base}/state`, { headers })]);
    await keep("route", route);
    await keep("state", state);
  } catch (error) {
    if (error instanceof Refused && !(await read("route"))) throw error;
  }
  return read("route");
}

/**
 * The city's map, whole, for the time without a network.
 *
 * @param {Shift} shift
 * @returns {Promise<File | null>}
 */
export async function loadMap(shift) {
  const kept = await read("map");
  if (kept) return kept;
  try {
    const reply = await fetch(`/v1/cities/${shift.city}/basemap.pmtiles`, { headers: shift.headers });
    if (!reply.ok) return null;
    const file = new File([await reply.blob()], `${shift.city}.pmtiles`);
    await keep("map", file);
    return file;
  } catch {
    return null;
  }
}
