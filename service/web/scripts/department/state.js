// What the page looks at: a city, a day, a plan; and who is told when that changes.

/**
 * @typedef {object} State
 * @property {any} city as the server describes it; null before there is one
 * @property {any[]} cities
 * @property {string} date the service day
 * @property {any[]} all plans of the city, the newest first
 * @property {any[]} plans of the day, the newest first
 * @property {any} plan the one shown, or null
 * @property {any} routes the plan's GeoJSON, or null
 * @property {Set<string>} locked visits that stay with their vehicle
 */

/** @type {State} */
export const state = { city: null, cities: [], date: "", all: [], plans: [], plan: null, routes: null, locked: new Set() };

/** Where the city is in the API. */
export const here = () => `/v1/cities/${state.city.id}`;

/**
 * Say what happened, or take it back with null.
 *
 * @param {HTMLElement | null} note
 */
export function say(note) {
  document.getElementById("message")?.replaceChildren(...(note ? [note] : []));
}
