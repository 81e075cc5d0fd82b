// Where a planner begins: three ways to ask, and the studies that there are.

import { call, post } from "../api.js";
import { make, pause } from "../dom.js";
import { day, t } from "../i18n.js";
import { attempt, here } from "./state.js";

const POLL_MS = 2_000;
const KINDS = ["curve", "smallest", "scenarios"];
export const UNDER_WAY = ["queued", "running"];

/**
 * @param {HTMLElement} box
 * @param {AbortSignal} signal
 */
export async function showHome(box, signal) {
  const ways = KINDS.map((kind) => make("li", {}, make("a", { class: "card", href: `#new/${kind}` }, make("b", {}, t(`studies.new.${kind}`)), make("span", {}, t(`studies.new.${kind}.what`)))));
  const list = make("ul", { class: "studies" });
  box.append(make("section", {}, make("h2", {}, t("studies.ask")), make("ul", { class: "cards" }, ...ways)), make("section", {}, make("h2", {}, t("studies")), list));
  for (;;) {
    const { studies } = await call(`${here()}/studies`);
    if (signal.aborted) return;
    fill(list, studies);
    if (!studies.some((/** @type {any} */ one) => UNDER_WAY.includes(one.status))) return;
    await pause(POLL_MS);
    if (signal.aborted) return;
  }
}

/**
 * Fill the list; a row that the keyboard is in keeps it.
 *
 * @param {HTMLElement} list
 * @param {any[]} studies
 */
function fill(list, studies) {
  const focused = document.activeElement?.id;
  list.replaceChildren(...(studies.length ? studies.map(row) : [make("li", { class: "soft" }, t("studies.none"))]));
  if (focused && list.querySelector(`#${CSS.escape(focused)}`)) document.getElementById(focused)?.focus();
}

/** @param {any} study */
function row(study) {
  const going = UNDER_WAY.includes(study.status);
  const again = study.status === "failed" || study.status === "cancelled";
  const act = (/** @type {string} */ what, /** @type {string} */ text) => make("button", { type: "button", id: `${what}-${study.id}`, "aria-label": `${text}: ${study.name}`, onclick: () => attempt(async () => { await post(`/v1/studies/${study.id}/${what}`, {}); dispatchEvent(new HashChangeEvent("hashchange")); }) }, text);
  return make(
    "li",
    {},
    make("a", { href: `#study/${study.id}`, id: `open-${study.id}` }, study.name),
    make("span", { class: study.status === "done" ? "badge good" : "badge" }, t(`study.${study.status}`)),
    going && make("progress", { max: Math.max(1, study.total), value: study.done, "aria-label": study.name }),
    make("span", { class: "soft" }, day(study.created_at.slice(0, 10))),
    make("span", { class: "gap" }),
    going && act("cancel", t("plan.stop")),
    again && act("resume", t("studies.resume")),
  );
}
