// A run that is under way: what it does, and its cost falling.

import { call, post } from "../api.js";
import { make, pause } from "../dom.js";
import { money, t } from "../i18n.js";

const POLL_MS = 600;
const SVG = "http://www.w3.org/2000/svg";

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
  try {
    while (run.status === "queued" || run.status === "running") {
      said.textContent = sentence(run, currency);
      line.setAttribute("d", fallingCost(run));
      const last = run.progress.at(-1);
      if (last) bar.value = Math.min(1, (Date.now() - Date.parse(run.started_at)) / 1000 / (run.seconds + 4));
      await pause(POLL_MS);
      run = await call(`/v1/runs/${run.id}`);
    }
    return run;
  } finally {
    box.hidden = true;
    box.replaceChildren();
  }
}

/**
 * @param {any} run
 * @param {string} currency
 */
function sentence(run, currency) {
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
  const x = (/** @type {number} */ at) => ((100 * at) / run.seconds).toFixed(1);
  const y = (/** @type {number} */ cost) => (90 - (80 * (cost - low)) / Math.max(high - low, 1e-9)).toFixed(1);
  return points.map((/** @type {number[]} */ [at, cost], /** @type {number} */ index) => (index ? `H${x(at)}V${y(cost)}` : `M${x(at)} ${y(cost)}`)).join("") + "H100";
}
