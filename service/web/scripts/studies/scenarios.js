// The scenarios of a study as a list, each an ordered list of changes with the fields that the server's schema gives.

import { make } from "../dom.js";
import { t } from "../i18n.js";
import { changeFields, idOf, labelled } from "./fields.js";
import { pickPlaces } from "./place.js";

const GROUPS = {
  fleet: ["fleet_size", "vehicle_mix", "capacity_factor", "electrify"],
  hours: ["shift_times", "overtime", "frequency", "policy", "sensor_coverage"],
  places: ["new_disposal_site", "move_depot", "disposal_hours", "closure"],
  world: ["waste_growth", "stream_split", "speed_factor", "festival"],
};

/**
 * @param {any} schema of the changes
 * @param {{scenario: any[]}} draft kept up to date
 * @param {() => void} changed
 */
export function scenarioEditor(schema, draft, changed) {
  const list = make("ol", { class: "scenarios" });
  const kinds = schema.oneOf.map((/** @type {any} */ one) => one.properties.kind.const);
  const draw = (/** @type {string} */ focus = "") => {
    list.replaceChildren(...draft.scenario.map(scenario));
    changed();
    if (focus) document.getElementById(focus)?.focus();
  };

  const scenario = (/** @type {any} */ one, /** @type {number} */ at) => {
    const place = `body/scenario/${at}`;
    const id = idOf(place);
    const name = labelled(`${place}/name`, t("scenario.name.label"), make("input", { type: "text", required: true, maxlength: 200, value: one.name, oninput: (/** @type {any} */ event) => { one.name = event.target.value; } }));
    const add = make("select", { id: `${id}-add`, "aria-label": t("scenario.add.to", { name: one.name }), onchange: () => {
      if (!add.value) return;
      one.changes.push({ kind: add.value });
      draw(`${id}-changes-${one.changes.length - 1}-title`);
    } }, make("option", { value: "" }, t("scenario.add")), ...Object.entries(GROUPS).map(([group, members]) => make("optgroup", { label: t(`changes.${group}`) }, ...members.filter((kind) => kinds.includes(kind)).map((kind) => make("option", { value: kind }, t(`change.${kind}`))))));
    const copy = make("button", { type: "button", class: "quiet", id: `${id}-copy`, "aria-label": t("scenario.copy.of", { name: one.name }), onclick: () => { draft.scenario.splice(at + 1, 0, { name: t("scenario.name", { n: draft.scenario.length + 1 }), changes: structuredClone(one.changes) }); draw(idOf(`body/scenario/${at + 1}/name`)); } }, t("scenario.copy"));
    const drop = draft.scenario.length > 1 && make("button", { type: "button", class: "quiet", "aria-label": t("scenario.drop.of", { name: one.name }), onclick: () => { draft.scenario.splice(at, 1); draw("add-scenario"); } }, t("scenario.drop"));
    return make(
      "li",
      { class: "scenario part" },
      make("div", { class: "scenario-head" }, name, copy, drop),
      at === 0 && make("p", { class: "soft" }, t("scenario.first")),
      make("ol", { class: "changes" }, ...one.changes.map((/** @type {any} */ change, /** @type {number} */ n) => changeItem(one, change, n, place))),
      one.changes.length === 0 && at > 0 && make("p", { class: "soft" }, t("scenario.empty")),
      add,
      make("p", { class: "wrong", id: `${id}-wrong`, hidden: true }),
    );
  };

  const changeItem = (/** @type {any} */ one, /** @type {any} */ change, /** @type {number} */ n, /** @type {string} */ place) => {
    const at = `${place}/changes/${n}`;
    const id = idOf(at);
    const title = t(`change.${change.kind}`);
    const move = (/** @type {number} */ by) => {
      one.changes.splice(n + by, 0, ...one.changes.splice(n, 1));
      draw(`${idOf(`${place}/changes/${n + by}`)}-title`);
    };
    const button = (/** @type {string} */ sign, /** @type {string} */ key, /** @type {() => void} */ act, /** @type {boolean} */ off) => make("button", { type: "button", class: "small", "aria-label": t(`scenario.${key}`, { change: title }), title: t(`scenario.${key}`, { change: title }), disabled: off, onclick: act }, sign);
    return make(
      "li",
      { class: "change" },
      make("div", { class: "change-head" }, make("h3", { id: `${id}-title`, tabindex: -1 }, title), button("↑", "up", () => move(-1), n === 0), button("↓", "down", () => move(1), n === one.changes.length - 1), button("✕", "remove", () => { one.changes.splice(n, 1); draw(`${idOf(place)}-add`); }, false)),
      make("p", { class: "soft" }, t(`change.${change.kind}.what`)),
      make("div", { class: "fields" }, ...changeFields(schema, change, at, pickPlaces)),
      make("p", { class: "wrong", id: `${id}-wrong`, hidden: true }),
    );
  };

  const more = make("button", { type: "button", id: "add-scenario", onclick: () => { draft.scenario.push({ name: t("scenario.name", { n: draft.scenario.length + 1 }), changes: [] }); draw(idOf(`body/scenario/${draft.scenario.length - 1}/name`)); } }, t("scenario.more"));
  const part = make("section", { "aria-label": t("scenario.list") }, list, more);
  part.addEventListener("input", changed);
  part.addEventListener("change", changed);
  draw();
  return part;
}
