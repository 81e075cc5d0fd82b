// What the planner's page looks at, and how it says what went wrong.

import { call, Refused, Unreachable } from "../api.js";
import { byId, make } from "../dom.js";
import { t } from "../i18n.js";

/**
 * @typedef {object} State
 * @property {any} city as the server describes it; null before there is one
 * @property {any[]} cities
 */

/** @type {State} */
export const state = { city: null, cities: [] };

/** Where the city is in the API. */
export const here = () => `/v1/cities/${state.city.id}`;

/**
 * Say what happened, or take it back with null.
 *
 * @param {Node | null} note
 */
export const say = (note) => byId("message").replaceChildren(...(note ? [note] : []));

/**
 * Do something that may fail, and say why it did, with a way to try it again.
 *
 * @param {() => Promise<unknown>} work
 */
export async function attempt(work) {
  say(null);
  try {
    await work();
  } catch (error) {
    const away = error instanceof Unreachable;
    if (!away && !(error instanceof Refused)) console.error(error);
    const again = make("button", { type: "button", class: "quiet", onclick: () => attempt(work) }, t("error.again"));
    say(make("p", { class: "note bad" }, away ? t("error.unreachable") : said(error), " ", again));
    byId("message").scrollIntoView({ block: "nearest" });
  }
}

/**
 * The server's sentences are English, whatever the page's language.
 *
 * @param {unknown} error
 */
function said(error) {
  return make("span", { lang: "en" }, String(/** @type {Error} */ (error).message));
}

/** @type {Map<string, Promise<any>>} */
const kept = new Map();

/**
 * Ask once for what does not change while the city stays the same.
 *
 * @param {string} path below the city
 */
export function ofCity(path) {
  const address = `${here()}/${path}`;
  const key = `${address} ${state.city.content_hash}`;
  let found = kept.get(key);
  if (!found) {
    found = call(address);
    kept.set(key, found);
    found.catch(() => kept.delete(key));
  }
  return found;
}

/**
 * Turn to the city of a study, which an address may lead to from another one.
 *
 * @param {any} study
 */
export function turnTo(study) {
  if (study.city_id === state.city.id) return;
  state.city = state.cities.find((one) => one.id === study.city_id) ?? state.city;
  byId("city").value = state.city.id;
}
