// Fields of a form: a label, something to fill in, and room for what is wrong with it. Those of a change are made from
// its JSON Schema, as the server gives it.

import { make } from "../dom.js";
import { has, t } from "../i18n.js";
import { attempt } from "./state.js";

/**
 * @typedef {object} Field
 * @property {HTMLElement} element with its label
 * @property {() => any} read what is filled in, as the server takes it; undefined where nothing is
 */

const WHOLE = new Set(["share", "usable", "volume"]); // shares, filled in as per cent
const WEEKDAYS = [1, 2, 3, 4, 5, 6, 0]; // Monday first; the catalogue counts from Sunday

/** The id of the field for a place in the request, such as `body/scenario/0/name`. */
export const idOf = (/** @type {string} */ place) => `at-${place.replaceAll("/", "-")}`;

/**
 * A label with one input. What is wrong with it is said below it.
 *
 * @param {string} place in the request
 * @param {string} label
 * @param {HTMLInputElement | HTMLSelectElement} input
 * @param {string} [hint]
 */
export function labelled(place, label, input, hint) {
  const id = idOf(place);
  input.id = id;
  input.setAttribute("aria-describedby", hint ? `${id}-hint ${id}-wrong` : `${id}-wrong`);
  return make("div", { class: "field-row" }, make("label", { for: id }, label), input, hint && make("small", { class: "soft", id: `${id}-hint` }, hint), wrongBox(id));
}

/** @param {string} id */
const wrongBox = (id) => make("p", { class: "wrong", id: `${id}-wrong`, hidden: true });

/**
 * Several inputs under one label.
 *
 * @param {string} place
 * @param {string} label
 * @param {(Node | string | false)[]} children
 */
function grouped(place, label, ...children) {
  const id = idOf(place);
  return make("fieldset", { class: "field-row", id, tabindex: -1, "aria-describedby": `${id}-wrong` }, make("legend", {}, label), ...children, wrongBox(id));
}

/**
 * Say what is wrong, at the field that it is about or at what is around it; go to the first one.
 *
 * @param {HTMLElement} form
 * @param {{place: string, message: string, own?: boolean}[]} wrong `own`: in the page's language
 */
export function showWrong(form, wrong) {
  for (const one of form.querySelectorAll(".wrong")) /** @type {HTMLElement} */ (one).hidden = true;
  for (const one of form.querySelectorAll("[aria-invalid]")) one.removeAttribute("aria-invalid");
  /** @type {HTMLElement | null} */
  let first = null;
  for (const { place, message, own } of wrong) {
    const parts = place.split("/");
    let box = null;
    while (parts.length && !(box = form.querySelector(`#${CSS.escape(idOf(parts.join("/")))}-wrong`))) parts.pop();
    if (!box) continue;
    const shown = /** @type {HTMLElement} */ (box);
    if (!shown.hidden && shown.textContent?.includes(message)) continue; // both numbers of a place, say
    shown.replaceChildren(...(shown.hidden ? [] : [...shown.childNodes, " "]), make("span", own ? {} : { lang: "en" }, message));
    shown.hidden = false;
    const field = form.querySelector(`#${CSS.escape(shown.id.replace(/-wrong$/, ""))}`);
    field?.setAttribute("aria-invalid", "true");
    if (field?.tagName === "FIELDSET") field.removeAttribute("aria-invalid");
    first ??= /** @type {HTMLElement | null} */ (field ?? shown);
  }
  first?.focus();
}

/**
 * What the browser itself finds wrong, in words of the page's language.
 *
 * @param {HTMLElement} form
 */
export function browserSays(form) {
  const wrong = [];
  for (const one of form.querySelectorAll("input, select")) {
    const input = /** @type {HTMLInputElement} */ (one);
    if (input.checkValidity()) continue;
    const { validity } = input;
    const key = validity.valueMissing ? "missing" : validity.rangeUnderflow ? "low" : validity.rangeOverflow ? "high" : "form";
    const id = input.id || (input.closest("fieldset[id]")?.id ?? "");
    wrong.push({ place: id.replace(/^at-/, "").replaceAll("-", "/"), message: t(`wrong.${key}`, { min: input.min, max: input.max }), own: true });
  }
  return wrong;
}

/** The label of a change's field, its own one where the kind has one. */
function labelOf(/** @type {string} */ kind, /** @type {string} */ name) {
  return has(`field.${kind}.${name}`) ? t(`field.${kind}.${name}`) : t(`field.${name}`);
}

/**
 * A choice in the page's language, where it is none of the city's own names.
 *
 * @param {string} field
 * @param {{const: string, title: string}} one
 */
function titleOf(field, one) {
  if (field === "policy") return t(`policy.${one.const}`);
  return ["stream", "streams", "source"].includes(field) && has(`stream.${one.const}`) ? t(`stream.${one.const}`) : one.title;
}

/**
 * The fields of a change.
 *
 * @param {any} schema of all changes, with what the city has to choose from
 * @param {any} change what is filled in so far; it is kept up to date
 * @param {string} place of the change in the request
 * @param {(several: boolean, now: number[][]) => Promise<number[][] | null>} pick asks for places on the map
 * @returns {HTMLElement[]}
 */
export function changeFields(schema, change, place, pick) {
  const one = schema.oneOf.find((/** @type {any} */ each) => each.properties.kind.const === change.kind);
  const names = Object.keys(one.properties).filter((name) => name !== "kind");
  const elements = [];
  for (const name of names) {
    if (name === "lat") continue; // with lon
    const part = one.properties[name];
    const needed = one.required.includes(name);
    const at = `${place}/${name}`;
    const label = labelOf(change.kind, name) + (needed || part.items?.$ref ? "" : ` ${t("field.optional")}`);
    if (name === "lon") elements.push(placeField(at, label, change, pick));
    else if (part.items?.format === "position") elements.push(placesField(at, label, change, name, pick));
    else elements.push(valueField(schema, part, { at, label, needed, change, name }));
  }
  return elements;
}

/**
 * @param {any} schema
 * @param {any} part the schema of this field
 * @param {{at: string, label: string, needed: boolean, change: any, name: string}} field
 */
function valueField(schema, part, { at, label, needed, change, name }) {
  const put = (/** @type {any} */ value) => {
    if (value === undefined || (Array.isArray(value) && !value.length && !needed)) delete change[name];
    else change[name] = value;
  };
  const choices = (/** @type {any} */ each) => (each.$ref ? schema.$defs[each.$ref.split("/").at(-1)] : each).oneOf ?? [];
  if (part.type === "array" && (part.items.$ref || part.items.format === "weekday")) {
    const values = part.items.$ref ? choices(part.items).map((/** @type {any} */ one) => [one.const, titleOf(name, one)]) : WEEKDAYS.map((day, index) => [index, t(`weekday.${day}`)]);
    const boxes = values.map((/** @type {[any, string]} */ [value, text]) => make("label", {}, make("input", { type: "checkbox", checked: (change[name] ?? []).includes(value), onchange: (/** @type {any} */ event) => put(event.target.checked ? [...(change[name] ?? []), value] : change[name].filter((/** @type {any} */ one) => one !== value)) }), String(text)));
    return grouped(at, label, make("div", { class: "boxes", tabindex: boxes.length > 12 && 0, role: boxes.length > 12 && "group", "aria-label": boxes.length > 12 && label }, ...(boxes.length ? boxes : [t("field.none")])));
  }
  if (part.type === "object") {
    change[name] ??= {};
    const counts = Object.entries(part.properties).map(([key, each]) => make("label", {}, `${t(`access.${key}`)} `, make("input", { type: "number", min: 0, max: /** @type {any} */ (each).maximum, value: change[name][key] ?? "", oninput: (/** @type {any} */ event) => { if (event.target.value === "") delete change[name][key]; else change[name][key] = Number(event.target.value); } })));
    return grouped(at, label, make("div", { class: "boxes" }, ...counts));
  }
  if (part.$ref || part.oneOf) {
    const found = choices(part);
    const given = change[name] ?? part.default;
    const select = make("select", { required: needed, onchange: (/** @type {any} */ event) => put(event.target.value || undefined) }, make("option", { value: "" }, needed ? t("field.choose") : t("field.all")), ...found.map((/** @type {any} */ one) => make("option", { value: one.const, selected: one.const === given }, titleOf(name, one))));
    return labelled(at, label, select);
  }
  return inputField(part, { at, label, needed, change, name, put });
}

/**
 * @param {any} part
 * @param {{at: string, label: string, needed: boolean, change: any, name: string, put: (value: any) => void}} field
 */
function inputField(part, { at, label, needed, change, name, put }) {
  const given = change[name] ?? part.default;
  const text = (/** @type {string} */ value, /** @type {Record<string, any>} */ more, /** @type {(value: string) => any} */ read) => labelled(at, label, make("input", { type: "text", value, required: needed, oninput: (/** @type {any} */ event) => put(event.target.value.trim() ? read(event.target.value.trim()) : undefined), ...more }));
  if (part.format === "clock") return text(typeof given === "number" ? clock(given) : (given ?? ""), { placeholder: "06:30", pattern: "\\d{1,2}:[0-5]\\d", inputmode: "numeric" }, (value) => value);
  if (part.items?.format === "hours") return text((given ?? []).join(", "), { placeholder: "06:00-11:00, 13:00-17:00", pattern: "\\s*\\d{1,2}:[0-5]\\d\\s*-\\s*\\d{1,2}:[0-5]\\d(\\s*,\\s*\\d{1,2}:[0-5]\\d\\s*-\\s*\\d{1,2}:[0-5]\\d)*\\s*" }, (value) => value.split(",").map((one) => one.replaceAll(/\s/g, "")));
  if (part.type === "array") return text((given ?? []).join(", "), { placeholder: "123456, 234567", pattern: "\\s*\\d+(\\s*,\\s*\\d+)*\\s*", inputmode: "numeric" }, (value) => value.split(",").map(Number));
  if (part.format === "date") return text(given ?? "", { type: "date" }, (value) => value);
  if (part.type === "string") return text(given ?? "", { maxlength: part.maxLength }, (value) => value);
  const scale = part.format === "duration" ? 60 : WHOLE.has(name) ? 0.01 : 1;
  const shown = (/** @type {number | undefined} */ value) => (value === undefined ? "" : Number((value / scale).toFixed(6)));
  const least = part.minimum ?? part.exclusiveMinimum;
  const read = (/** @type {string} */ value) => (part.type === "integer" ? Math.round(Number(value) * scale) : Number((Number(value) * scale).toFixed(9)));
  return text(String(shown(given)), { type: "number", inputmode: "decimal", step: part.type === "integer" && scale === 1 ? 1 : "any", min: least !== undefined && shown(least), max: part.maximum !== undefined && shown(part.maximum) }, read);
}

/** @param {number} seconds */
const clock = (seconds) => `${String(Math.floor(seconds / 3600)).padStart(2, "0")}:${String(Math.floor(seconds / 60) % 60).padStart(2, "0")}`;

/**
 * One place: two numbers, or a click on the map.
 *
 * @param {string} at
 * @param {string} label
 * @param {any} change
 * @param {(several: boolean, now: number[][]) => Promise<number[][] | null>} pick
 */
function placeField(at, label, change, pick) {
  const input = (/** @type {"lon" | "lat"} */ name) => {
    const made = make("input", { type: "number", step: "any", required: true, value: change[name] ?? "", "aria-label": t(`field.${name}`), oninput: () => { if (made.value === "") delete change[name]; else change[name] = Number(made.value); } });
    made.id = idOf(`${at}/${name}`);
    return made;
  };
  const [lon, lat] = [input("lon"), input("lat")];
  const choose = async () => {
    const found = await pick(false, change.lon === undefined || change.lat === undefined ? [] : [[change.lon, change.lat]]);
    if (!found?.length) return;
    [change.lon, change.lat] = found[0];
    [lon.value, lat.value] = found[0].map(String);
  };
  return grouped(at, label, make("div", { class: "boxes" }, make("label", {}, `${t("field.lon")} `, lon), make("label", {}, `${t("field.lat")} `, lat), make("button", { type: "button", onclick: () => attempt(choose) }, t("place.choose"))));
}

/**
 * Several places, clicked on the map or typed as pairs.
 *
 * @param {string} at
 * @param {string} label
 * @param {any} change
 * @param {string} name
 * @param {(several: boolean, now: number[][]) => Promise<number[][] | null>} pick
 */
function placesField(at, label, change, name, pick) {
  const text = () => (change[name] ?? []).map((/** @type {number[]} */ one) => one.join(" ")).join(", ");
  const input = make("input", { type: "text", value: text(), "aria-label": label, placeholder: "103.86 13.36, 103.87 13.36", pattern: "\\s*-?[\\d.]+\\s+-?[\\d.]+(\\s*,\\s*-?[\\d.]+\\s+-?[\\d.]+)*\\s*", oninput: () => {
    const pairs = input.value.split(",").map((one) => one.trim().split(/\s+/).map(Number)).filter((one) => one.length === 2 && one.every(Number.isFinite));
    if (pairs.length) change[name] = pairs;
    else delete change[name];
  } });
  input.id = idOf(`${at}/0`);
  const choose = async () => {
    const found = await pick(true, change[name] ?? []);
    if (!found) return;
    if (found.length) change[name] = found;
    else delete change[name];
    input.value = text();
  };
  return grouped(at, label, make("div", { class: "boxes" }, input, make("button", { type: "button", onclick: () => attempt(choose) }, t("place.choose"))));
}
