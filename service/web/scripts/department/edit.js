// Changes by hand: each is tried by the judge first, and says what it costs and whether it may be.

import { post } from "../api.js";
import { byId, make } from "../dom.js";
import { money, t } from "../i18n.js";
import { state } from "./state.js";

const TERMS = ["fixed", "time", "overtime", "distance", "gate_fees"];

/** Stops and edits of the plan that is shown. */
export class Edits {
  /** @param {{attempt: (work: () => Promise<unknown>) => void, reload: (wanted?: string) => Promise<void>}} page */
  constructor(page) {
    this.page = page;
  }

  /**
   * The visits of a stop, and where each stands in its route.
   *
   * @param {string} uid of the stop: its shift and number
   * @returns {{shift: string, visits: string[], position: number}}
   */
  stop(uid) {
    const cut = uid.lastIndexOf("/");
    const [shift, wanted] = [uid.slice(0, cut), Number(uid.slice(cut + 1))];
    const visits = state.routes.features.filter((/** @type {any} */ one) => one.properties.kind === "visit" && one.properties.shift === shift);
    const position = visits.findIndex((/** @type {any} */ one) => one.properties.stop_number === wanted);
    return { shift, position, visits: visits.filter((/** @type {any} */ one) => one.properties.stop_number === wanted).map((/** @type {any} */ one) => one.properties.id) };
  }

  /**
   * Let another route, or another place of its own, serve a stop.
   *
   * @param {string} uid
   * @param {string} shift
   * @param {string | null} before the stop that follows it; null for where it costs least
   */
  move(uid, shift, before) {
    const { visits, shift: from, position: at } = this.stop(uid);
    let position = before === null ? undefined : this.stop(before).position;
    if (position !== undefined && shift === from && at < position) position -= visits.length; // it leaves its own place first
    const edits = visits.map((visit, index) => ({ kind: "move", visit, shift, ...(position === undefined ? {} : { position: position + index }) }));
    this.propose(edits, t("edit.moving", { stop: visits.join(", "), shift }));
  }

  /** @param {string} uid */
  drop(uid) {
    const { visits } = this.stop(uid);
    const reason = make("input", { type: "text", maxlength: 500, id: "edit-reason", "aria-label": t("edit.reason") });
    const go = (/** @type {Event} */ event) => {
      event.preventDefault();
      const said = reason.value.trim();
      if (said) this.propose(visits.map((visit) => ({ kind: "drop", visit, reason: said })), t("edit.dropping", { stop: visits.join(", ") }));
    };
    const form = make("form", { onsubmit: go }, make("label", { for: "edit-reason" }, t("edit.reason")), reason, make("div", { class: "actions" }, make("button", {}, t("edit.try")), this.cancel()));
    this.show(make("b", {}, t("edit.dropping", { stop: visits.join(", ") })), form);
    reason.focus();
  }

  /** @param {string} visit */
  add(visit) {
    this.propose([{ kind: "add", visit }], t("edit.adding", { stop: visit }));
  }

  /**
   * Bind a stop to its vehicle, or let it go.
   *
   * @param {string} uid
   * @param {boolean} locked
   */
  lock(uid, locked) {
    const { visits } = this.stop(uid);
    this.propose(visits.map((visit) => ({ kind: locked ? "lock" : "unlock", visit })), t(locked ? "edit.locking" : "edit.unlocking", { stop: visits.join(", ") }));
  }

  /**
   * Ask what edits would make of the plan, and show the answer.
   *
   * @param {any[]} edits
   * @param {string} title
   */
  propose(edits, title) {
    const plan = state.plan;
    this.page.attempt(async () => {
      this.show(make("b", {}, title), make("p", { class: "soft" }, t("edit.asking")));
      const answer = await post(`/v1/plans/${plan.id}/edits`, { edits, dry_run: true });
      if (state.plan !== plan) return;
      const apply = make("button", { type: "button", class: "main", id: "edit-apply", onclick: () => this.page.attempt(() => this.apply(edits)) }, t("edit.apply"));
      this.show(make("b", {}, title), answer.feasible ? this.change(answer) : this.violations(answer), make("div", { class: "actions" }, answer.feasible && apply, this.cancel()));
      (answer.feasible ? apply : byId("edit").querySelector("button"))?.focus();
    });
  }

  /** @param {any} answer */
  change(answer) {
    const { change } = answer;
    const signed = (/** @type {number} */ value) => `${value < 0 ? "−" : "+"}${money(Math.abs(value), change.currency, 2)}`;
    const terms = TERMS.filter((term) => Math.abs(change[term]) >= 0.005).map((term) => `${t(`cost.${term}`)} ${signed(change[term])}`);
    return make("p", {}, t("edit.costs", { change: signed(change.operating) }), make("span", { class: "soft" }, terms.length ? ` ${terms.join(" · ")}` : ""));
  }

  /** @param {any} answer */
  violations(answer) {
    return make("div", { class: "note bad" }, make("p", {}, t("edit.illegal", { count: answer.violations.length })), make("ul", {}, ...answer.violations.slice(0, 5).map((/** @type {any} */ one) => make("li", {}, one.message))));
  }

  /** @param {any[]} edits */
  async apply(edits) {
    const made = await post(`/v1/plans/${state.plan.id}/edits`, { edits });
    this.close();
    await this.page.reload(made.plan_id);
  }

  /** Take the last edits back. */
  async undo() {
    const { id, parent_id: before } = state.plan;
    await post(`/v1/plans/${id}/discard`, {});
    await this.page.reload(before);
  }

  cancel() {
    return make("button", { type: "button", onclick: () => this.close() }, t("edit.cancel"));
  }

  /** @param {(Node | string)[]} content */
  show(...content) {
    const box = byId("edit");
    box.replaceChildren(...content);
    box.hidden = false;
    box.scrollIntoView({ block: "nearest" });
  }

  close() {
    byId("edit").hidden = true;
    byId("edit").replaceChildren();
  }
}

