// Who is there: a name and a password; then back to the page that was wanted.

import { post, Refused, Unreachable } from "./api.js";
import { byId, make, pause } from "./dom.js";
import * as i18n from "./i18n.js";

const { t } = i18n;
const NEXT = new URLSearchParams(location.search).get("next");

/** The page that was wanted, if it is one of this server. */
function wanted() {
  const next = new URL(NEXT ?? "/", location.origin);
  return next.origin === location.origin ? next.pathname + next.search + next.hash : "/";
}

/** @param {string} text */
function say(text) {
  byId("said").textContent = text;
  byId("said").hidden = !text;
}

/** @param {SubmitEvent} event */
async function signIn(event) {
  event.preventDefault();
  const go = byId("go");
  if (go.disabled) return;
  say("");
  go.disabled = true;
  try {
    await post("/v1/session", { name: byId("name").value, password: byId("password").value });
    location.assign(wanted());
  } catch (error) {
    if (error instanceof Refused && error.status === 429) await waited(error.waitS);
    else say(sentence(error));
    go.disabled = false;
    byId("password").select();
  }
}

/** @param {unknown} error */
function sentence(error) {
  if (error instanceof Unreachable) return t("error.unreachable");
  if (error instanceof Refused && [401, 422].includes(error.status)) return t("sign-in.wrong");
  return /** @type {Error} */ (error).message;
}

/**
 * Say how long the server asks to wait, until it is over. Read aloud is the first of these sentences alone.
 *
 * @param {number} seconds
 */
async function waited(seconds) {
  say(t("sign-in.wait", { count: seconds }));
  byId("said").setAttribute("aria-live", "off");
  for (let left = seconds; left > 0; left -= 1) {
    byId("said").textContent = t("sign-in.wait", { count: left });
    await pause(1_000);
  }
  byId("said").removeAttribute("aria-live");
  say("");
}

async function start() {
  await i18n.begin();
  byId("language").replaceChildren(...Object.entries(i18n.LANGUAGES).map(([tag, name]) => make("option", { value: tag, selected: tag === i18n.current() }, name)));
  byId("language").onchange = () => i18n.choose(byId("language").value);
  byId("form").onsubmit = signIn;
  byId("over").hidden = NEXT === null;
  byId("name").focus();
}

start();
