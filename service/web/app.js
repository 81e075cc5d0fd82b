// The map page: choose a city and a plan, look at its routes, ask for tomorrow's.

import { RouteMap, colour } from "./map.js";

const SECONDS = 20;
const byId = (id) => document.getElementById(id);
const map = new RouteMap(byId("map"));
let city = null;
let shownPlan = 0; // the newest request wins when somebody chooses quickly

async function call(path, options) {
  const reply = await fetch(path, options);
  const body = await reply.json();
  if (!reply.ok) throw new Error(body.detail ?? `The server answered ${reply.status}.`);
  return body;
}

function say(text, bad = false) {
  byId("status").textContent = text;
  byId("status").classList.toggle("bad", bad);
}

const number = (value, digits = 0) => value.toLocaleString("en", { maximumFractionDigits: digits, minimumFractionDigits: digits });
const money = (value, currency) => `${number(value)} ${currency}`;
const counted = (value, what) => `${number(value)} ${what}${value === 1 ? "" : "s"}`;
const clock = (iso) => iso.slice(11, 16);

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function options(select, items, empty) {
  select.replaceChildren(...(items.length ? items : [["", empty]]).map(([value, text]) => {
    const option = element("option", text);
    option.value = value;
    return option;
  }));
  select.disabled = items.length === 0;
}

async function start() {
  const { cities } = await call("/v1/cities");
  options(byId("city"), cities.map((one) => [one.id, one.name]), "none yet");
  if (!cities.length) {
    say("There is no city yet. Import one: samram city import, or POST /v1/cities.");
    return;
  }
  byId("city").onchange = () => attempt(() => showCity(cities.find((one) => one.id === byId("city").value)));
  await showCity(cities[0]);
}

async function showCity(chosen) {
  city = chosen;
  say("Drawing the streets …");
  for (const id of ["totals", "routes"]) byId(id).replaceChildren();
  byId("left").hidden = true;
  const base = `/v1/cities/${city.id}`;
  const [streets, depots, sites] = await Promise.all(["streets", "depots", "disposal-sites"].map((part) => call(`${base}/${part}`)));
  if (city !== chosen) return;
  map.setCity(streets, depots, sites);
  byId("attribution").textContent = city.attribution;
  byId("go").disabled = false;
  await listPlans();
}

async function listPlans() {
  const { plans } = await call(`/v1/cities/${city.id}/plans`);
  const moment = (iso) => new Date(iso).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  options(byId("plan"), plans.map((plan) => [plan.id, `${plan.date}, made ${moment(plan.created_at)}`]), "none yet");
  if (plans.length) await showPlan(plans[0].id);
  else say(`${number(city.containers)} containers, ${city.vehicles} vehicles. No plan yet.`);
}

async function showPlan(id) {
  const asked = ++shownPlan;
  const plan = await call(`/v1/plans/${id}`);
  const geojson = await call(plan.geojson);
  if (asked !== shownPlan) return;
  map.choose(null);
  map.setPlan(geojson, plan.routes.map((route) => route.shift));
  const day = new Date(`${plan.date}T12:00:00Z`).toLocaleDateString("en", { weekday: "long", day: "numeric", month: "long", timeZone: "UTC" });
  say(`${day}: ${counted(plan.routes.length, "route")}, ${counted(plan.visits, "visit")}.`);
  const totals = [
    ["km", number(plan.distance_km)], ["hours", number(plan.hours, 1)], ["tonnes", number(plan.collected_t, 1)],
    ["cost", money(plan.cost.operating, plan.cost.currency)], ["gate fees", money(plan.cost.gate_fees, plan.cost.currency)],
    ["overtime", money(plan.cost.overtime, plan.cost.currency)],
  ];
  byId("totals").replaceChildren(...totals.map(([name, value]) => {
    const cell = element("div");
    cell.append(element("dt", name), element("dd", value));
    return cell;
  }));
  byId("routes").replaceChildren(...plan.routes.map(routeItem));
  const { unserved } = plan;
  byId("left").hidden = unserved.length === 0;
  byId("left").querySelector("summary").textContent = `${counted(unserved.length, "visit")} unserved`;
  byId("left").querySelector("ul").replaceChildren(...unserved.map((one) => {
    const item = element("li", `${one.visit} (${one.stream})`);
    item.append(element("span", one.detail));
    return item;
  }));
}

function routeItem(route, index) {
  const item = element("li");
  const button = element("button");
  button.type = "button";
  button.setAttribute("aria-pressed", "false");
  const swatch = element("i");
  swatch.style.background = colour(index);
  const figures = `${number(route.distance_km, 1)} km · ${number(route.hours, 1)} h · ${number(route.collected_t, 1)} t · ${counted(route.stops, "stop")} · ${counted(route.trips, "trip")}`;
  button.append(swatch, element("b", route.vehicle), element("span", `${clock(route.departure)} to ${clock(route.arrival)}`), element("span", figures, "wide"));
  button.onclick = () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    for (const other of byId("routes").querySelectorAll("button")) other.setAttribute("aria-pressed", "false");
    button.setAttribute("aria-pressed", String(on));
    map.choose(on ? route.shift : null);
  };
  item.append(button);
  return item;
}

// The Canadian way to write a date is ISO 8601's.
const tomorrow = (timeZone) => new Intl.DateTimeFormat("en-CA", { timeZone }).format(new Date(Date.now() + 86_400_000));

async function planTomorrow() {
  const asked = city;
  const progress = byId("progress");
  byId("go").disabled = true;
  progress.hidden = false;
  progress.removeAttribute("value");
  try {
    let run = await call(`/v1/cities/${asked.id}/plans`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ date: tomorrow(asked.timezone), seconds: SECONDS }),
    });
    while (run.status === "queued" || run.status === "running") {
      await new Promise((wake) => setTimeout(wake, 700));
      run = await call(`/v1/runs/${run.id}`);
      const best = run.progress.at(-1);
      if (run.status === "queued") say("Waiting for another run to end …");
      else if (run.stage === "drawing") say("Drawing the routes …");
      else if (best) say(`Searching. Best so far: ${best.unserved ? `${counted(best.unserved, "visit")} unserved` : money(best.cost, run.currency)}.`);
      else say("Measuring the ways between the stops …");
      if (best) progress.value = Math.min(1, (Date.now() - Date.parse(run.started_at)) / 1000 / (SECONDS + 4));
    }
    if (run.status !== "done") throw new Error(run.error ?? "The run was cancelled.");
    if (city === asked) await listPlans();
  } finally {
    progress.hidden = true;
    byId("go").disabled = false;
  }
}

const attempt = (work) => work().catch((error) => say(error.message, true));

byId("plan").onchange = () => attempt(() => showPlan(byId("plan").value));
byId("go").onclick = () => attempt(planTomorrow);
byId("in").onclick = () => map.zoom(1.6);
byId("out").onclick = () => map.zoom(1 / 1.6);
byId("fit").onclick = () => map.fit();
attempt(start);
