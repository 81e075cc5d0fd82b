// A run that is under way: what it does, and its cost falling, as the server tells it.

import { call, post } from "../api.js";
import { make, pause } from "../dom.js";
import { money, t } from "../i18n.js";

const AGAIN_MS = 1_000;
const TICK_MS = 250;
const SVG = "http://www.w3.org/2000/svg";
const OVER = ["done", "failed", "cancelled"];

/**
 * Show a run until it is over.
 *
 * @param {any} run
 * @param {HTMLElement} box where it is shown; hidden when it is over
 * @param {string} currency
 * @returns {Promise<any>} the run as it ended
 */
export async function followRun(run, box, currency) {
  const said = make("p", { role: "status" });
  const chart = document.createElementNS(SVG, "svg");
  chart.setAttribute("viewBox", "0 0 100 100");
  chart.setAttribute("preserveAspectRatio", "none");
  chart.setAttribute("role", "img");
  chart.setAttribute("aria-label", t("plan.progress"));
  const line = document.createElementNS(SVG, "path");
  chart.append(line);
  const bar = make("progress", { max: 1, "aria-label": t("plan.progress") });
  const stop = make("button", { type: "button", onclick: () => post(`/v1/runs/${run.id}/cancel`, {}).catch(() => undefined) }, t("plan.stop"));
  box.replaceChildren(make("div", { class: "search" }, said, chart, bar, make("div", {}, stop)));
  box.hidden = false;
  /** @type {number | null} */
  let began = null;
  const show = () => {
    const sentence = sentenceOf(run, currency);
    if (said.textContent !== sentence) said.textContent = sentence;
    line.setAttribute("d", fallingCost(run));
    if (run.progress.length) began ??= performance.now();
  };
  const tick = setInterval(() => {
    if (began !== null) bar.value = Math.min(1, (performance.now() - began) / 1000 / run.seconds);
  }, TICK_MS);
  show();
  try {
    while (!OVER.includes(run.status)) {
      await listen(run, show);
      run = await call(`/v1/runs/${run.id}`); // with a session that is renewed where it has ended meanwhile
      show();
      if (!OVER.includes(run.status)) await pause(AGAIN_MS);
    }
    return run;
  } finally {
    clearInterval(tick);
    box.hidden = true;
    box.replaceChildren();
  }
}

/**
 * Take in what the server says of a run, until the run is over or the server does not answer any more.
 *
 * @param {any} run
 * @param {() => void} changed
 * @returns {Promise<void>}
 */
function listen(run, changed) {
  return new Promise((over) => {
    const stream = new EventSource(`/v1/runs/${run.id}/events`);
    const end = () => {
      stream.close();
      over();
    };
    stream.addEventListener("improvement", (event) => {
      run.progress.length = Math.min(run.progress.length, Number(event.lastEventId) - 1); // a run may begin anew
      run.progress.push(JSON.parse(event.data).improvement);
      changed();
    });
    stream.addEventListener("state", (event) => {
      const { status, stage } = JSON.parse(event.data);
      Object.assign(run, { status, stage });
      changed();
      if (OVER.includes(status)) end();
    });
    // A stream that was cut off comes again by itself; one that is refused does not.
    stream.onerror = () => stream.readyState === EventSource.CLOSED && end();
  });
}

/**
 * @param {any} run
 * @param {string} currency
 */
function sentenceOf(run, currency) {
  if (run.status === "queued") return t("plan.waiting");
  if (run.stage === "drawing") return t("plan.drawing");
  const best = run.progress.at(-1);
  if (!best) return t("plan.preparing");
  return t("plan.searching", { best: best.unserved ? t("visits.unserved", { count: best.unserved }) : money(best.cost, currency) });
}

/**
 * The cost of the best plan over time as steps; on a scale of logarithms, because what is unserved costs a penalty.
 *
 * @param {any} run
 */
function fallingCost(run) {
  const points = run.progress.map((/** @type {any} */ one) => [one.elapsed_s, Math.log(Math.max(one.cost, 1e-6))]);
  if (points.length < 2) return "";
  const costs = points.map((/** @type {number[]} */ [, cost]) => cost);
  const [low, high] = [Math.min(...costs), Math.max(...costs)];
  const last = Math.max(run.seconds, points.at(-1)[0]);
  const x = (/** @type {number} */ at) => ((100 * at) / last).toFixed(1);
  const y = (/** @type {number} */ cost) => (90 - (80 * (cost - low)) / Math.max(high - low, 1e-9)).toFixed(1);
  return points.map((/** @type {number[]} */ [at, cost], /** @type {number} */ index) => (index ? `H${x(at)}V${y(cost)}` : `M${x(at)} ${y(cost)}`)).join("") + "H100";
}
