// Who is there: a name and a password; then back to the page that was wanted.

import { post, Unreachable } from "./api.js";
import { byId, make } from "./dom.js";
import * as i18n from "./i18n.js";

const { t } = i18n;

/** The page that was wanted, if it is one of this server. */
function wanted() {
  const next = new URL(new URLSearchParams(location.search).get("next") ?? "/", location.origin);
  return next.origin === location.origin ? next.pathname + next.search : "/";
}

/** @param {SubmitEvent} event */
async function signIn(event) {
  event.preventDefault();
  const said = byId("said");
  said.hidden = true;
  byId("go").disabled = true;
  try {
    await post("/v1/session", { name: byId("name").value, password: byId("password").value });
    location.assign(wanted());
  } catch (error) {
    said.textContent = error instanceof Unreachable ? t("error.unreachable") : /** @type {Error} */ (error).message;
    said.hidden = false;
    byId("go").disabled = false;
    byId("password").select();
  }
}

async function start() {
  await i18n.begin();
  byId("language").replaceChildren(...Object.entries(i18n.LANGUAGES).map(([tag, name]) => make("option", { value: tag, selected: tag === i18n.current() }, name)));
  byId("language").onchange = () => i18n.choose(byId("language").value);
  byId("form").onsubmit = signIn;
  byId("name").focus();
}

start();
