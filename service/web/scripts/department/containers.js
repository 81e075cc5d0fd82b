// Containers by how full they will be, and by how likely they run over.

import { call } from "../api.js";
import { FILL } from "../colours.js";
import { make, styled } from "../dom.js";
import { clockIn, percent, t } from "../i18n.js";
import { here, state } from "./state.js";

const MOST_URGENT = 12;
/** @type {"fill" | "overflow"} */
let by = "fill";

/**
 * @param {HTMLElement} part
 * @param {import("../map.js").RouteMap | null} map
 */
export async function showContainers(part, map) {
  const { city } = state;
  const forecast = await call(`${here()}/forecasts.geojson?days=2`);
  const list = await call(`${here()}/forecasts?days=2`);
  if (state.city !== city) return;
  const features = forecast.features.map((/** @type {any} */ one) => {
    const last = one.properties.days.at(-1);
    return { ...one, properties: { uid: one.id, fill: last.fill, overflow: last.overflow_probability } };
  });
  map?.put("containers", { type: "FeatureCollection", features });
  map?.showContainers(by);
  const known = list.containers.some((/** @type {any} */ one) => one.events > 0);
  const urgent = [...features].sort((a, b) => b.properties.overflow - a.properties.overflow || b.properties.fill - a.properties.fill).slice(0, MOST_URGENT);
  const draw = () => {
    map?.showContainers(by);
    legend.replaceChildren(...FILL.map((colour, index) => make("span", {}, styled(make("i"), { background: colour }), t(`fill.legend.${by}.${index}`))));
  };
  const legend = make("p", { class: "legend" });
  const choice = make("fieldset", { class: "choice" }, make("legend", { class: "soft" }, t("fill.by")), ...["fill", "overflow"].map((name) => {
    const input = make("input", { type: "radio", name: "fill-by", value: name, onchange: () => { by = /** @type {typeof by} */ (name); draw(); } });
    input.checked = name === by;
    return make("label", {}, input, t(`fill.${name}`));
  }));
  const rows = urgent.map((one) => {
    const { uid, fill, overflow } = one.properties;
    const bar = make("span", { class: "meter" }, styled(make("i"), { width: `${Math.min(100, 100 * fill)}%`, background: FILL[fill < 0.5 ? 0 : fill < 0.75 ? 1 : fill < 0.95 ? 2 : 3] }));
    return make("tr", {}, make("td", {}, make("button", { type: "button", class: "quiet", onclick: () => map?.lookAt(one.geometry.coordinates) }, uid)), make("td", {}, bar), make("td", { class: "number" }, percent(fill)), make("td", { class: "number" }, percent(overflow)));
  });
  const head = make("tr", {}, make("th", { scope: "col" }, t("tab.containers")), make("th", { scope: "col", colspan: 2 }, t("fill.level")), make("th", { scope: "col", class: "number" }, t("fill.overflow")));
  part.replaceChildren(
    choice,
    legend,
    make("p", { class: "soft" }, known ? t("fill.asof", { time: clockIn(list.as_of, city.timezone) }) : t("fill.none")),
    make("h2", {}, t("fill.urgent")),
    make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)),
  );
  draw();
}

/** @param {import("../map.js").RouteMap | null} map */
export function leaveContainers(map) {
  if (map?.containers) map.showContainers(null);
}
