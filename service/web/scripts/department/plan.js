// The plan of a day: ask for it, look at its figures, its routes and what it leaves out.

import { call, post } from "../api.js";
import { routeColour } from "../colours.js";
import { byId, make, styled } from "../dom.js";
import { clock, dateIn, day, has, money, number, t } from "../i18n.js";
import { Edits } from "./edit.js";
import { goesOut, printSheets, showLink } from "./handing.js";
import { followRun } from "./run.js";
import { here, state } from "./state.js";
import { followDay, lifeButtons } from "./today.js";

const SECONDS = 20;

/** The panel's first tab, and what it shares with the map. */
export class PlanPart {
  /**
   * @param {import("../map.js").RouteMap | null} map
   * @param {{attempt: (work: () => Promise<unknown>) => void, reload: (wanted?: string) => Promise<void>}} page
   */
  constructor(map, page) {
    this.map = map;
    this.page = page;
    this.edits = new Edits(page);
    /** @type {string | null} */
    this.chosen = null;
    /** @type {Map<string, HTMLElement>} */
    this.items = new Map();
  }

  /** Show the plan in `state`, or what to do where there is none. */
  show() {
    const { plan, routes } = state;
    this.chosen = null;
    this.edits.close();
    this.headline();
    this.page.attempt(() => followDay(this.map));
    const part = byId("plan");
    if (!plan) {
      this.map?.setPlan({ features: [] }, new Map());
      part.replaceChildren(make("p", { class: "note" }, t("plan.none.what", { containers: state.city.containers, vehicles: state.city.vehicles })));
      return;
    }
    const colours = new Map(plan.routes.map((/** @type {any} */ route, /** @type {number} */ index) => [route.shift, routeColour(index)]));
    this.map?.setPlan(routes, /** @type {Map<string, string>} */ (colours));
    this.map?.choose(null, { fit: false });
    part.replaceChildren(this.totals(plan), ...this.list(plan), this.unserved(plan));
  }

  headline() {
    const { plan } = state;
    const tomorrow = state.date === dateIn(state.city.timezone, 1);
    const label = tomorrow ? t("plan.go.tomorrow") : t("plan.go");
    const go = make("button", { type: "button", id: "go", class: plan ? "" : "main", onclick: () => this.page.attempt(() => this.ask()) }, label);
    const badge = plan && make("span", { class: plan.state === "draft" ? "badge" : "badge good" }, t(`state.${plan.state}`));
    const title = make("div", { class: "headline" }, make("h2", {}, day(state.date)), badge);
    const undo = plan?.state === "draft" && plan.parent_id && make("button", { type: "button", id: "undo", onclick: () => this.page.attempt(() => this.edits.undo()) }, t("edit.undo"));
    const said = plan ? null : make("p", { class: "soft" }, t("plan.none"));
    byId("headline").replaceChildren(title, ...(said ? [said] : []), make("div", { class: "actions" }, ...(plan ? lifeButtons(this.page) : []), undo, go));
  }

  async ask() {
    byId("go").disabled = true;
    try {
      const asked = { city: state.city, date: state.date };
      const { solve_seconds: most } = await call("/v1/limits");
      const run = await post(`${here()}/plans`, { date: state.date, seconds: Math.min(SECONDS, most) });
      const done = await followRun(run, byId("search"), state.city.currency);
      if (done.status === "failed") throw new Error(done.error);
      if (done.status === "cancelled") throw new Error(t("plan.cancelled"));
      if (state.city === asked.city && state.date === asked.date) await this.page.reload(done.plan_id);
    } finally {
      byId("go").disabled = false;
    }
  }

  /** @param {any} plan */
  totals(plan) {
    const cells = [
      ["total.routes", number(plan.routes.length)], ["total.km", number(plan.distance_km)], ["total.hours", number(plan.hours, 1)],
      ["total.tonnes", number(plan.collected_t, 1)], ["total.cost", money(plan.cost.operating, plan.cost.currency)], ["total.unserved", number(plan.unserved.length)],
    ];
    const before = this.before();
    const compared = { "total.km": before?.distance_km, "total.hours": before?.hours, "total.tonnes": before?.collected_t, "total.cost": before?.cost.operating, "total.unserved": before?.unserved };
    const cell = ([name, value] = ["", ""]) =>
      make("div", { class: name === "total.unserved" && plan.unserved.length ? "attention" : "" }, make("dt", {}, t(name)), make("dd", {}, value), this.yesterday(/** @type {any} */ (compared)[name]));
    return make("dl", { class: "totals" }, ...cells.map(([name, value]) => cell([name, value])));
  }

  /** The plan of the day before: the one that was followed, else the newest. */
  before() {
    const date = new Date(Date.parse(`${state.date}T12:00:00Z`) - 86_400_000).toISOString().slice(0, 10);
    const plans = state.all.filter((plan) => plan.date === date && plan.state !== "discarded");
    return plans.find((plan) => plan.state !== "draft") ?? plans[0];
  }

  /** @param {number | undefined} value */
  yesterday(value) {
    return value === undefined ? null : make("dd", { class: "before" }, t("total.before", { value: number(value, value < 100 ? 1 : 0) }));
  }

  /** @param {any} plan */
  list(plan) {
    this.items.clear();
    const all = make("button", { type: "button", class: "quiet", id: "all", hidden: true, onclick: () => this.choose(null) }, t("routes.all"));
    const head = make("div", { class: "row" }, make("h3", {}, t("routes")), all);
    const items = plan.routes.map((/** @type {any} */ route, /** @type {number} */ index) => this.route(route, routeColour(index)));
    return [head, make("ol", { id: "routes" }, ...items)];
  }

  /**
   * @param {any} route
   * @param {string} colour
   */
  route(route, colour) {
    const figures = t("route.figures", { km: number(route.distance_km, 1), hours: number(route.hours, 1), tonnes: number(route.collected_t, 1) });
    const counts = `${t("stops", { count: route.stops })} · ${t("trips", { count: route.trips })}`;
    const button = make(
      "button",
      { type: "button", "aria-expanded": "false", onclick: () => this.choose(this.chosen === route.shift ? null : route.shift) },
      styled(make("i", { class: "swatch" }), { background: colour }),
      make("b", {}, route.vehicle),
      make("small", {}, `${clock(route.departure)} – ${clock(route.arrival)}`),
      make("small", { class: "wide" }, figures),
      make("small", { class: "wide" }, counts),
    );
    const item = make("li", { class: "route", onmouseenter: () => this.over(route.shift), onmouseleave: () => this.over(null) }, button);
    this.items.set(route.shift, item);
    return item;
  }

  /** @param {string | null} shift */
  over(shift) {
    if (this.chosen === null) this.map?.choose(shift, { fit: false });
  }

  /**
   * Bring a route to the fore and list its steps, or all routes with null.
   *
   * @param {string | null} shift
   * @param {{fit?: boolean}} [options]
   */
  choose(shift, { fit = true } = {}) {
    this.chosen = shift;
    for (const [name, item] of this.items) {
      const on = name === shift;
      item.classList.toggle("chosen", on);
      item.querySelector("button")?.setAttribute("aria-expanded", String(on));
      for (const part of item.querySelectorAll(".hand, .steps")) part.remove();
      if (on) item.append(...this.handing(name), this.steps(name));
    }
    const all = document.getElementById("all");
    if (all) all.hidden = shift === null;
    this.map?.choose(shift, { fit });
  }

  /**
   * How a crew gets its route.
   *
   * @param {string} shift
   */
  handing(shift) {
    if (!goesOut()) return [];
    const button = (/** @type {string} */ key, /** @type {() => Promise<unknown>} */ work) => make("button", { type: "button", onclick: () => this.page.attempt(work) }, t(key));
    return [make("div", { class: "actions hand" }, button("hand.link", () => showLink(shift)), button("hand.print", () => printSheets(shift)))];
  }

  /** @param {string} shift */
  steps(shift) {
    const list = make("ol", { class: "steps" });
    let last = null;
    for (const { properties } of state.routes.features) {
      if (properties.shift !== shift || properties.kind === "trip") continue;
      const time = make("span", { class: "soft" }, clock(properties.start));
      if (properties.kind !== "visit") {
        list.append(make("li", { class: "step" }, make("b"), make("span", {}, t(`step.${properties.kind}`, { place: properties.id })), time));
        continue;
      }
      if (properties.stop_number === last) continue;
      last = properties.stop_number;
      const uid = `${shift}/${last}`;
      const stream = has(`stream.${properties.stream}`) ? t(`stream.${properties.stream}`) : properties.stream;
      const what = `${properties.stop} · ${stream}`;
      const locked = state.locked.has(properties.id) && make("span", { class: "badge" }, t("edit.locked"));
      const row = make(
        "button",
        { type: "button", "data-uid": uid, onclick: () => this.map?.goTo(uid), onmouseenter: () => this.map?.mark(uid), onmouseleave: () => this.map?.mark(null), onfocus: () => this.map?.mark(uid), onblur: () => this.map?.mark(null) },
        make("b", {}, number(last)),
        make("span", {}, what, locked && " ", locked),
        time,
      );
      const more = make("button", { type: "button", class: "more", "aria-label": t("edit.label", { stop: properties.stop }), onclick: () => this.menu(uid) }, "⋯");
      list.append(make("li", { class: "stop" }, row, more));
    }
    return list;
  }

  /**
   * What can be done with a stop: all that the pointer can do on the map, and more.
   *
   * @param {string} uid
   */
  menu(uid) {
    const { edits } = this;
    const { visits, shift } = edits.stop(uid);
    const own = state.plan.routes.find((/** @type {any} */ route) => route.shift === shift);
    const routes = [...state.plan.routes.filter((/** @type {any} */ route) => route !== own), own];
    const target = make("select", { id: "edit-to", onchange: () => this.places(place, target.value, uid) }, ...routes.map((/** @type {any} */ route) => make("option", { value: route.shift }, `${route.vehicle} · ${route.shift}`)));
    const place = make("select", { id: "edit-place" });
    this.places(place, target.value, uid);
    const button = (/** @type {string} */ key, /** @type {() => void} */ onclick) => make("button", { type: "button", onclick }, t(key));
    const locked = visits.every((visit) => state.locked.has(visit));
    edits.show(
      make("b", {}, visits.join(", ")),
      make("div", { class: "choices" }, make("label", {}, t("edit.to"), target), make("label", {}, t("edit.place"), place)),
      make("div", { class: "actions" }, button("edit.move", () => edits.move(uid, target.value, place.value || null))),
      make("div", { class: "actions" }, button("edit.drop", () => edits.drop(uid)), button(locked ? "edit.unlock" : "edit.lock", () => edits.lock(uid, !locked)), edits.cancel()),
    );
    target.focus();
  }

  /**
   * Offer the places of a route that a stop can take.
   *
   * @param {HTMLSelectElement} select
   * @param {string} shift
   * @param {string} uid of the stop that moves
   */
  places(select, shift, uid) {
    const stops = new Map(state.routes.features.filter((/** @type {any} */ one) => one.properties.kind === "visit" && one.properties.shift === shift).map((/** @type {any} */ one) => [`${shift}/${one.properties.stop_number}`, one.properties]));
    stops.delete(uid);
    const items = [...stops].map(([at, { stop, stop_number: number }]) => make("option", { value: at }, t("edit.before", { number, stop })));
    select.replaceChildren(make("option", { value: "" }, t("edit.cheapest")), ...items);
  }

  /**
   * A stop was dragged on the map to another one, or onto a route.
   *
   * @param {string} uid
   * @param {string} shift
   * @param {string | null} before
   */
  dropped(uid, shift, before) {
    this.edits.move(uid, shift, before);
  }

  /** @param {any} plan */
  unserved(plan) {
    if (!plan.unserved.length) return make("p", { class: "soft" }, t("unserved.none"));
    const items = plan.unserved.map((/** @type {any} */ one) => make("li", {}, make("div", { class: "row" }, `${one.visit}`, make("button", { type: "button", class: "quiet", onclick: () => this.edits.add(one.visit) }, t("edit.add"))), make("b", {}, has(`unserved.${one.reason}`) ? t(`unserved.${one.reason}`) : one.reason), make("span", { lang: "en" }, one.detail)));
    return make("details", { open: plan.unserved.length <= 5 }, make("summary", {}, t("visits.unserved", { count: plan.unserved.length })), make("ul", { class: "listed" }, ...items));
  }

  /**
   * The pointer is over this on the map.
   *
   * @param {string | null} shift
   * @param {string | null} uid
   */
  hovered(shift, uid) {
    for (const [name, item] of this.items) {
      item.classList.toggle("hover", name === shift);
      for (const row of item.querySelectorAll("[data-uid]")) row.classList.toggle("hover", row.getAttribute("data-uid") === uid);
    }
  }

  /**
   * This was clicked on the map.
   *
   * @param {string} shift
   * @param {string | null} uid
   */
  picked(shift, uid) {
    if (this.chosen !== shift) this.choose(shift, { fit: false });
    const item = this.items.get(shift);
    item?.scrollIntoView({ block: "nearest" });
    const row = uid && item?.querySelector(`[data-uid="${CSS.escape(uid)}"]`);
    if (row) /** @type {HTMLElement} */ (row).focus();
  }
}
