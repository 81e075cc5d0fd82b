// A published day goes out to its crews: on paper, and to a phone by a code.

import { download, post } from "../api.js";
import { byId, make } from "../dom.js";
import { current, day, t } from "../i18n.js";
import { here, state } from "./state.js";

/** Whether crews can be given the plan that is shown: the day follows it. */
export const goesOut = () => ["published", "running"].includes(state.plan?.state);

/**
 * Print run-sheets, of one shift or of all.
 *
 * @param {string | null} shift
 */
export function printSheets(shift) {
  const wanted = { language: current(), ...(shift === null ? {} : { shifts: [shift] }) };
  return download(`${here()}/days/${state.date}/run-sheets`, wanted, `${state.date}${shift === null ? "" : `-${shift}`}.pdf`);
}

/**
 * Show the code that opens a shift on a phone; it is made anew each time, and the earlier ones hold on.
 *
 * @param {string} shift
 */
export async function showLink(shift) {
  const link = await post(`${here()}/days/${state.date}/shifts/${encodeURIComponent(shift)}/driver-links`, {});
  const dialog = byId("dialog");
  const picture = make("img", { class: "qr", alt: t("hand.qr"), src: `data:image/svg+xml,${encodeURIComponent(link.qr_svg)}`, width: 260, height: 260 });
  dialog.setAttribute("aria-labelledby", "dialog-title");
  dialog.replaceChildren(
    make("h2", { id: "dialog-title" }, t("hand.title", { shift })),
    make("p", { class: "soft" }, day(state.date)),
    picture,
    make("p", {}, t("hand.type"), " ", make("a", { href: link.url, target: "_blank", rel: "noopener" }, link.code)),
    make("p", { class: "soft" }, t("hand.what")),
    make("div", { class: "actions" }, make("button", { type: "button", class: "main", onclick: () => dialog.close() }, t("hand.close"))),
  );
  dialog.showModal();
}
