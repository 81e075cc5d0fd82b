// Questions with large answers, one at a time.

import { byId, make } from "../dom.js";
import { t } from "../i18n.js";

/**
 * Ask for one of several answers; null when the driver goes back.
 *
 * @template T
 * @param {string} title
 * @param {[T, string][]} answers value and text
 * @returns {Promise<T | null>}
 */
export function choose(title, answers) {
  return ask(title, (done) => answers.map(([value, text]) => make("button", { type: "button", class: "large", onclick: () => done(value) }, text)));
}

/**
 * Ask for a number; undefined when the driver goes back, null when there is none.
 *
 * @param {string} title
 * @param {string} without the answer that gives none
 * @returns {Promise<number | null | undefined>}
 */
export async function askNumber(title, without) {
  const input = make("input", { type: "number", inputmode: "decimal", min: 0, max: 100000, step: "any", class: "large", "aria-label": title });
  /** @type {{kg: number | null} | null} */
  const answer = await ask(title, (done) => [
    input,
    make("button", { type: "button", class: "large main", onclick: () => input.value && input.checkValidity() && done({ kg: Number(input.value) }) }, t("drive.ok")),
    make("button", { type: "button", class: "large", onclick: () => done({ kg: null }) }, without),
  ]);
  return answer === null ? undefined : answer.kg;
}

/**
 * @template T
 * @param {string} title
 * @param {(done: (value: T) => void) => HTMLElement[]} content
 * @returns {Promise<T | null>}
 */
export function ask(title, content) {
  const dialog = byId("dialog");
  return new Promise((settle) => {
    /** @type {T | null} */
    let answer = null;
    const done = (/** @type {T} */ value) => {
      answer = value;
      dialog.close();
    };
    const back = make("button", { type: "button", class: "large quiet", onclick: () => dialog.close() }, t("drive.back"));
    dialog.replaceChildren(make("h2", { id: "dialog-title" }, title), make("div", { class: "answers" }, ...content(done), back));
    dialog.setAttribute("aria-labelledby", "dialog-title");
    dialog.onclose = () => settle(answer);
    dialog.showModal();
  });
}
