// One study: how far it is while it runs, then what came of it, or why nothing did.

import { call, post, Unreachable } from "../api.js";
import { make, pause } from "../dom.js";
import { number, t } from "../i18n.js";
import { UNDER_WAY } from "./home.js";
import { showResults } from "./results.js";
import { attempt, turnTo } from "./state.js";

const POLL_MS = 1_000;

/**
 * @param {HTMLElement} box
 * @param {string} id
 * @param {AbortSignal} signal
 */
export async function showStudy(box, id, signal) {
  let study = await call(`/v1/studies/${id}`);
  if (signal.aborted) return;
  turnTo(study);
  if (UNDER_WAY.includes(study.status)) {
    study = await watched(box, study, signal);
    if (signal.aborted) return;
  }
  box.replaceChildren();
  if (study.status === "done") return showResults(box, study, signal);
  const again = make("button", { type: "button", class: "main", onclick: () => attempt(async () => { await post(`/v1/studies/${id}/resume`, {}); dispatchEvent(new HashChangeEvent("hashchange")); }) }, t("studies.resume"));
  const why = study.status === "failed" ? make("p", { class: "note bad" }, t("studies.failed"), " ", make("span", { lang: "en" }, study.error ?? "")) : make("p", { class: "note warn" }, t("studies.cancelled", { done: study.done, total: study.total }));
  box.append(back(), make("h2", {}, study.name), why, make("p", { class: "actions" }, again));
  if (study.status !== "cancelled" || !study.done) return;
  const part = make("div", {});
  box.append(part);
  await showResults(part, study, signal).catch(() => part.replaceChildren()); // none was planned in full
}

/** The way to all studies. */
export const back = () => make("p", {}, make("a", { href: "#" }, t("studies.all")));

/**
 * Show how far a study is until it is over; return how it ended.
 *
 * @param {HTMLElement} box
 * @param {any} study
 * @param {AbortSignal} signal
 */
async function watched(box, study, signal) {
  const said = make("p", { role: "status" });
  const left = make("p", { class: "soft" });
  const bar = make("progress", { max: 1, value: 0, "aria-label": t("studies.progress") });
  const stop = make("button", { type: "button", onclick: () => attempt(() => post(`/v1/studies/${study.id}/cancel`, {})) }, t("plan.stop"));
  box.replaceChildren(back(), make("h2", {}, study.name), make("div", { class: "progress" }, said, bar, left), make("p", { class: "actions" }, stop));
  /** @type {{at: number, done: number} | null} */
  let first = null;
  const tell = (/** @type {any} */ now) => {
    if (now.total) {
      bar.max = now.total;
      bar.value = now.done;
    } else bar.removeAttribute("value");
    said.textContent = now.status === "queued" ? t("studies.waiting") : now.total ? t("studies.planned", { done: now.done, total: now.total }) : t("studies.preparing");
    if (now.done && now.total) {
      first ??= { at: Date.now(), done: now.done };
      const since = now.done - first.done;
      if (since > 0) left.textContent = t("studies.left", { minutes: number(Math.ceil(((Date.now() - first.at) / since / 60_000) * (now.total - now.done))) });
    }
  };
  tell(study);
  return (await streamed(study, tell, signal)) ?? polled(study, tell, signal);
}

/**
 * Follow a study by server-sent events; null where they end before it does.
 *
 * @param {any} study
 * @param {(now: any) => void} tell
 * @param {AbortSignal} signal
 * @returns {Promise<any>}
 */
function streamed(study, tell, signal) {
  return new Promise((settle) => {
    const events = new EventSource(`/v1/studies/${study.id}/progress`);
    const end = (/** @type {any} */ now) => {
      events.close();
      settle(now);
    };
    events.addEventListener("progress", (event) => {
      const now = JSON.parse(event.data);
      tell(now);
      if (!UNDER_WAY.includes(now.status)) end(now);
    });
    events.onerror = () => end(null);
    signal.addEventListener("abort", () => end(study));
  });
}

/**
 * Follow a study by asking; a server that is away for a while is waited for.
 *
 * @param {any} study
 * @param {(now: any) => void} tell
 * @param {AbortSignal} signal
 */
async function polled(study, tell, signal) {
  let now = study;
  while (UNDER_WAY.includes(now.status) && !signal.aborted) {
    await pause(POLL_MS);
    try {
      now = await call(`/v1/studies/${study.id}`);
      tell(now);
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
    }
  }
  return now;
}
