// What was last said of the containers; and readings that are not believed, to be looked at and settled.

import { call, post } from "../api.js";
import { make } from "../dom.js";
import { clockIn, dayIn, has, percent, t } from "../i18n.js";
import { here, state } from "./state.js";

const NEWEST = 30;

/**
 * @param {HTMLElement} part
 * @param {(work: () => Promise<unknown>) => void} attempt
 */
export async function showReadings(part, attempt) {
  const { city } = state;
  const [{ messages }, { readings }] = await Promise.all([call(`${here()}/quarantine`), call(`${here()}/readings?limit=${NEWEST}`)]);
  if (state.city !== city) return;
  const settle = (/** @type {any} */ one) =>
    attempt(async () => {
      await post(`${here()}/quarantine/${one.id}/resolve`, {});
      await showReadings(part, attempt);
    });
  part.replaceChildren(...held(messages, settle), ...newest(readings));
}

/**
 * @param {any[]} messages
 * @param {(one: any) => void} settle
 */
function held(messages, settle) {
  if (!messages.length) return [make("p", { class: "note" }, t("readings.none"))];
  const items = messages.map((one) => {
    const head = make("div", { class: "row" }, make("b", {}, one.container ?? one.device ?? one.source), make("small", { class: "soft" }, clockIn(one.received_at, state.city.timezone)));
    return make("li", {}, head, make("span", { lang: "en" }, one.detail), make("button", { type: "button", class: "quiet", onclick: () => settle(one) }, t("readings.settle")));
  });
  return [make("h2", {}, t("readings.held", { count: messages.length })), make("ul", { class: "listed" }, ...items)];
}

/** @param {any[]} readings */
function newest(readings) {
  if (!readings.length) return [make("p", { class: "soft" }, t("readings.nothing"))];
  const rows = readings.map((one) => {
    const kind = has(`readings.kind.${one.kind}`) ? t(`readings.kind.${one.kind}`) : one.kind;
    const moment = `${dayIn(one.time, state.city.timezone)} ${clockIn(one.time, state.city.timezone)}`;
    return make("tr", {}, make("th", { scope: "row" }, one.container), make("td", {}, kind), make("td", { class: "number" }, one.fill === null ? "–" : percent(one.fill)), make("td", { class: "number" }, moment));
  });
  const head = ["tab.containers", "readings.kind", "fill.level", "readings.when"].map((key) => make("th", { scope: "col", class: key === "fill.level" || key === "readings.when" ? "number" : "" }, t(key)));
  return [make("h2", {}, t("readings.newest")), make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows))];
}
