// A city: what is known of it, and the way in for another, with every error where it stands.

import { call, Refused } from "../api.js";
import { make } from "../dom.js";
import { t } from "../i18n.js";
import { state } from "./state.js";

// One for all times that the part is shown: a city that is on its way in while the part is shown anew still has its answer seen.
const result = make("div", { id: "import-result", role: "status" });

/**
 * @param {HTMLElement} part
 * @param {{done: (id: string) => void}} on
 */
export function showCityPart(part, { done }) {
  const { city } = state;
  const file = make("input", { type: "file", accept: ".zip,application/zip", id: "import-file", class: "unseen", onchange: () => take(file.files?.[0]) });
  const take = async (/** @type {File | undefined} */ archive) => {
    if (!archive) return;
    result.replaceChildren(make("p", { class: "note" }, t("city.import.reading")));
    try {
      const made = await call("/v1/cities", { method: "POST", headers: { "Content-Type": "application/zip" }, body: archive });
      result.replaceChildren(make("p", { class: "note good" }, t("city.import.done", made)), ...findings(made.warnings, "city.import.warnings"));
      done(made.id);
    } catch (error) {
      const found = error instanceof Refused ? error.problem?.findings : null;
      if (found) result.replaceChildren(...findings(found, "city.import.bad"));
      else result.replaceChildren(make("p", { class: "note bad" }, String(/** @type {Error} */ (error).message)));
    } finally {
      file.value = "";
    }
  };
  const over = (/** @type {DragEvent} */ event) => {
    event.preventDefault();
    drop.classList.toggle("over", event.type === "dragover");
    if (event.type === "drop") take(event.dataTransfer?.files[0]);
  };
  const choose = make("button", { type: "button", onclick: () => file.click() }, t("city.import.choose"));
  const drop = make("div", { class: "drop", ondragover: over, ondragleave: over, ondrop: over }, make("b", {}, t("city.import.drop")), choose, file);
  file.tabIndex = -1;
  file.setAttribute("aria-label", t("city.import"));
  const facts = city && [make("h2", {}, city.name), make("p", { class: "soft" }, t("city.facts", { ...city, sites: city.disposal_sites })), ...findings(city.warnings, "city.import.warnings")];
  part.replaceChildren(...(facts || []), make("h3", {}, t("city.import")), drop, result);
}

/**
 * @param {any[]} found
 * @param {string} title
 */
function findings(found, title) {
  if (!found.length) return [];
  const rows = found.map((one) => {
    const where = one.row ? t("finding.row", { file: one.file, row: String(one.row) }) : one.file;
    const column = one.column ? make("span", { class: "soft" }, ` ${one.column}`) : null;
    const value = one.value ? make("span", { class: "soft" }, ` (${one.value})`) : null;
    return make("tr", {}, make("td", {}, where, column), make("td", {}, one.message, value), make("td", {}, one.expected ?? ""));
  });
  const head = make("tr", {}, ...["where", "what", "expected"].map((name) => make("th", { scope: "col" }, t(`finding.${name}`))));
  const bad = title === "city.import.bad";
  return [make("p", { class: `note ${bad ? "bad" : "warn"}` }, t(title, { count: found.length })), make("table", { class: "findings" }, make("thead", {}, head), make("tbody", {}, ...rows))];
}
