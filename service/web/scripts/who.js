// Who is signed in, where the server asks that; and the way out.

import { call, renew } from "./api.js";
import { make } from "./dom.js";
import { t } from "./i18n.js";

const RENEW_MS = 600_000; // before a session's token ends, so that requests which cannot renew it go on

/**
 * Say who is signed in, with a button to sign out.
 *
 * @param {HTMLElement} box stays empty on a server that asks nobody
 * @param {(work: () => Promise<unknown>) => void} attempt
 */
export async function showWho(box, attempt) {
  const who = await call("/v1/session");
  if (who.kind !== "account") return;
  const leave = async () => {
    await call("/v1/session", { method: "DELETE" });
    location.assign("/sign-in");
  };
  box.replaceChildren(make("span", {}, who.name), make("button", { type: "button", class: "quiet", id: "sign-out", onclick: () => attempt(leave) }, t("sign-out")));
  setInterval(() => renew().catch(console.error), RENEW_MS);
}
