// Readings that are not believed, to be looked at and settled.

import { call, post } from "../api.js";
import { make } from "../dom.js";
import { clockIn, t } from "../i18n.js";
import { here, state } from "./state.js";

/** @param {HTMLElement} part */
export async function showReadings(part) {
  const { city } = state;
  const { messages } = await call(`${here()}/quarantine`);
  if (state.city !== city) return;
  if (!messages.length) {
    part.replaceChildren(make("p", { class: "note" }, t("readings.none")));
    return;
  }
  const items = messages.map((/** @type {any} */ one) => {
    const settle = async () => {
      await post(`${here()}/quarantine/${one.id}/resolve`, {});
      await showReadings(part);
    };
    const head = make("div", { class: "row" }, make("b", {}, one.container ?? one.device ?? one.source), make("small", { class: "soft" }, clockIn(one.received_at, city.timezone)));
    return make("li", {}, head, make("span", {}, one.detail), make("button", { type: "button", class: "quiet", onclick: settle }, t("readings.settle")));
  });
  part.replaceChildren(make("h3", {}, t("readings.held", { count: messages.length })), make("ul", { class: "listed" }, ...items));
}
