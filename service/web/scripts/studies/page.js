// The planner's page: past studies, a new one, how far one is, what came of it, two scenarios side by side.
// What is shown stands in the address after #, so that the browser's way back and a reload lead where one was.

import { call } from "../api.js";
import { byId, make } from "../dom.js";
import * as i18n from "../i18n.js";
import { showWho } from "../who.js";
import { showAsk } from "./ask.js";
import { showCompare } from "./compare.js";
import { showHome } from "./home.js";
import { attempt, say, state } from "./state.js";
import { showStudy } from "./study.js";

const { t } = i18n;

/** Ends what a view has going on, such as following a study. */
let leaving = new AbortController();

async function start() {
  await i18n.begin();
  byId("language").replaceChildren(...Object.entries(i18n.LANGUAGES).map(([tag, name]) => make("option", { value: tag, selected: tag === i18n.current() }, name)));
  byId("language").onchange = () => i18n.choose(byId("language").value);
  byId("skip").onclick = (/** @type {Event} */ event) => {
    event.preventDefault(); // what stands after # says what is shown
    byId("main").focus();
  };
  addEventListener("hashchange", () => {
    scrollTo(0, 0);
    byId("main").focus({ preventScroll: true }); // what had it is about to go
    attempt(show);
  });
  await attempt(async () => {
    await showWho(byId("who"), attempt);
    await loadCities();
    await show();
  });
}

async function loadCities() {
  const { cities } = await call("/v1/cities");
  state.cities = cities;
  const wanted = new URLSearchParams(location.search).get("city");
  state.city = cities.find((/** @type {any} */ one) => one.id === wanted) ?? cities[0] ?? null;
  const select = byId("city");
  select.replaceChildren(...(cities.length ? cities : [{ id: "", name: t("city.none") }]).map((/** @type {any} */ one) => make("option", { value: one.id, selected: one.id === state.city?.id }, one.name)));
  select.disabled = !cities.length;
  select.onchange = () => {
    state.city = cities.find((/** @type {any} */ one) => one.id === select.value);
    history.replaceState(null, "", `/studies?city=${state.city.id}`);
    attempt(show);
  };
}

async function show() {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const [view, ...rest] = location.hash.slice(1).split("/").map(decodeURIComponent);
  const box = make("div", { id: "view" });
  byId("view").replaceWith(box);
  say(null);
  if (!state.city) {
    box.append(make("p", { class: "note" }, t("studies.no-city"), " ", make("a", { href: "/" }, t("studies.no-city.go"))));
    return;
  }
  if (view === "new") await showAsk(box, rest[0] ?? "curve", signal);
  else if (view === "study") await showStudy(box, rest[0], signal);
  else if (view === "compare") await showCompare(box, rest[0], Number(rest[1]), Number(rest[2]), signal);
  else await showHome(box, signal);
}

start();
