// Asking for a study: a curve over fleets, the smallest fleet, or scenarios put together from changes.

import { post, Refused } from "../api.js";
import { make } from "../dom.js";
import { dateIn, day, number, t } from "../i18n.js";
import { browserSays, labelled, showWrong } from "./fields.js";
import { scenarioEditor } from "./scenarios.js";
import { attempt, here, ofCity, state } from "./state.js";

const SLOWER = 1.5; // preparing, reckoning: what a day takes beside its search, in seconds

/** What is filled in, kept by city and kind until it is asked for, so that a reload or signing in anew loses nothing. */
function draftOf(/** @type {string} */ kind) {
  const key = `samram.study.${state.city.id}.${kind}`;
  const size = state.city.vehicles;
  const usual = { name: "", from: dateIn(state.city.timezone, 1), count: 2, seeds: 2, seconds: 5, reserve: 10, low: Math.max(1, Math.floor(size / 2)), high: Math.max(2, Math.ceil(size * 1.25)), scenario: [{ name: t("scenario.as-it-is"), changes: [] }, { name: t("scenario.name", { n: 2 }), changes: [] }] };
  let kept = {};
  try {
    kept = JSON.parse(sessionStorage.getItem(key) ?? "{}");
  } catch {
    // begun anew
  }
  const draft = { ...usual, ...kept };
  return { draft, keep: () => sessionStorage.setItem(key, JSON.stringify(draft)), forget: () => sessionStorage.removeItem(key) };
}

/**
 * Fill the form with the scenarios of a study, to be changed and asked for again.
 *
 * @param {any} study as its results say it
 */
export function askLike(study) {
  const { draft, keep } = draftOf("scenarios");
  Object.assign(draft, { name: study.name, from: study.days[0], count: study.days.length, seeds: study.seeds, reserve: study.reserve * 100, scenario: study.scenario });
  if (study.seconds) draft.seconds = study.seconds;
  keep();
  location.hash = "#new/scenarios";
}

/**
 * @param {HTMLElement} box
 * @param {string} kind `curve`, `smallest` or `scenarios`
 * @param {AbortSignal} signal
 */
export async function showAsk(box, kind, signal) {
  const { draft, keep, forget } = draftOf(kind);
  const schema = kind === "scenarios" ? await ofCity("changes") : null;
  if (signal.aborted) return;
  const form = make("form", { novalidate: true, id: "ask" });
  const input = (/** @type {string} */ place, /** @type {keyof typeof draft} */ key, /** @type {Record<string, any>} */ more) => labelled(`body/${place}`, t(`studies.field.${key}`), make("input", { type: "number", required: true, value: draft[key], oninput: (/** @type {any} */ event) => { draft[key] = /** @type {never} */ (event.target.type === "number" ? Number(event.target.value) : event.target.value); keep(); reckon(); }, ...more }), hint(key));
  const often = make("p", { class: "soft", role: "status" });
  const amount = () => (kind === "scenarios" ? draft.scenario.length : kind === "smallest" ? Math.ceil(Math.log2(draft.high - draft.low + 2)) : draft.high - draft.low + 1);
  const reckon = () => {
    const days = amount() * draft.count * draft.seeds;
    const minutes = Math.ceil(((days + draft.count * draft.seeds) * (draft.seconds + SLOWER)) / 60);
    often.textContent = Number.isFinite(days) && days > 0 ? t("studies.effort", { days: number(days), minutes: number(minutes) }) : "";
    period.textContent = draft.from && draft.count >= 1 ? (draft.count === 1 ? day(draft.from) : t("studies.period", { first: day(draft.from), last: day(after(draft.from, draft.count - 1)) })) : "";
  };
  const period = make("p", { class: "soft" });
  const when = make(
    "fieldset",
    { class: "part" },
    make("legend", {}, t("studies.when")),
    make("div", { class: "fields" }, input("from", "from", { type: "date", min: "2000-01-01", max: "2199-12-01" }), input("count", "count", { min: 1, max: 366 }), input("seeds", "seeds", { min: 1, max: 1000 }), input("seconds", "seconds", { min: 0.1, max: 86400, step: "any" }), input("reserve", "reserve", { min: 0, max: 50, step: "any" })),
    period,
  );
  const fleet = () => make("fieldset", { class: "part" }, make("legend", {}, t("studies.fleet")), make("p", { class: "soft" }, t("studies.fleet.now", { count: state.city.vehicles })), make("div", { class: "fields" }, input("fleet", "low", { min: 1, max: 500 }), input("fleet/high", "high", { min: 1, max: 500 })));
  const what = schema ? scenarioEditor(schema, draft, () => { keep(); reckon(); }) : fleet();
  const name = labelled("body/name", t("studies.field.name"), make("input", { type: "text", maxlength: 200, value: draft.name, placeholder: nameOf(kind, draft), oninput: (/** @type {any} */ event) => { draft.name = event.target.value; keep(); } }));
  const go = make("button", { class: "main", id: "go" }, t("studies.go"));
  const overall = make("p", { class: "note bad wrong", id: "at-body-wrong", role: "alert", hidden: true });
  form.append(what, when, name, often, overall, make("p", { class: "actions" }, go, make("a", { class: "button", href: "#" }, t("studies.cancel"))));
  form.onsubmit = (event) => {
    event.preventDefault();
    attempt(send);
  };
  const send = async () => {
    const seen = browserSays(form);
    if (kind !== "scenarios" && draft.low > draft.high) seen.push({ place: "body/fleet/high", message: t("wrong.fleet"), own: true });
    showWrong(form, seen);
    if (seen.length) return;
    go.disabled = true;
    try {
      const asked = request(kind, draft);
      const { wrong } = await post(`${here()}/studies/check`, asked);
      showWrong(form, wrong);
      if (wrong.length) return;
      const study = await post(`${here()}/studies`, asked);
      forget();
      location.hash = `#study/${study.id}`;
    } catch (error) {
      if (!(error instanceof Refused) || !error.problem?.errors) throw error;
      showWrong(form, error.problem.errors);
    } finally {
      go.disabled = false;
    }
  };
  box.append(make("p", {}, make("a", { href: "#" }, t("studies.all"))), make("h2", {}, t(`studies.new.${kind}`)), make("p", { class: "soft" }, t(`studies.new.${kind}.what`)), form);
  reckon();
}

/** @param {string} key */
function hint(key) {
  return ["seeds", "seconds", "reserve"].includes(key) ? t(`studies.hint.${key}`) : undefined;
}

/**
 * @param {string} from
 * @param {number} days
 */
const after = (from, days) => new Date(Date.parse(`${from}T12:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);

/**
 * @param {string} kind
 * @param {any} draft
 */
const nameOf = (kind, draft) => (kind === "scenarios" ? t("studies.new.scenarios") : t("studies.name", { fleet: `${draft.low}–${draft.high}` }));

/**
 * @param {string} kind
 * @param {any} draft
 */
function request(kind, draft) {
  const asked = { name: draft.name.trim() || nameOf(kind, draft), from: draft.from, count: draft.count, seeds: draft.seeds, seconds: draft.seconds, reserve: draft.reserve / 100 };
  if (kind === "scenarios") return { ...asked, scenario: draft.scenario };
  return { ...asked, fleet: `${draft.low}..${draft.high}`, search: kind === "smallest" };
}
