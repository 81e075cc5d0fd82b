// What the pages say, in the language that the user chose; numbers and moments as that language writes them.

/** @type {Record<string, string>} */
let catalogue = {};
let language = "en";
let plural = new Intl.PluralRules("en");
const KEPT = "samram.language";

/** The languages that there are, by their own names. */
export const LANGUAGES = { km: "ខ្មែរ", en: "English" };

/** The language in use: `en` or `km`. */
export const current = () => language;

/** Choose the language: what was chosen before, else the browser's, else English; then translate the document. */
export async function begin() {
  const wanted = [localStorage.getItem(KEPT), ...navigator.languages].map((tag) => (tag ?? "").slice(0, 2));
  language = wanted.find((tag) => tag in LANGUAGES) ?? "en";
  plural = new Intl.PluralRules(language);
  const reply = await fetch(`/web/locales/${language}.json`);
  catalogue = await reply.json();
  document.documentElement.lang = language;
  translate(document);
}

/**
 * Use another language from now on; the page is loaded anew.
 *
 * @param {string} tag
 */
export function choose(tag) {
  localStorage.setItem(KEPT, tag);
  location.reload();
}

/**
 * A text of the catalogue, with its {places} filled. Where `count` is given, the text is chosen by it: `key.one` for one
 * thing where the language tells one from many, else `key.other`.
 *
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
  let text = catalogue[key];
  if (text === undefined && typeof values.count === "number") {
    text = catalogue[`${key}.${plural.select(values.count)}`] ?? catalogue[`${key}.other`];
  }
  if (text === undefined) return key;
  return text.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === "number" ? number(value) : String(value ?? "");
  });
}

/**
 * Whether the catalogue has a text.
 *
 * @param {string} key
 */
export const has = (key) => key in catalogue;

/**
 * Fill every element that names a text: `data-t` its content, `data-t-label` its label, `data-t-title` its title.
 *
 * @param {ParentNode} root
 */
export function translate(root) {
  for (const element of root.querySelectorAll("[data-t]")) element.textContent = t(element.getAttribute("data-t") ?? "");
  for (const element of root.querySelectorAll("[data-t-label]")) {
    element.setAttribute("aria-label", t(element.getAttribute("data-t-label") ?? ""));
  }
}

// Browsers mostly come without Khmer's names of days and months, so the catalogues have them. Figures are written alike
// in both languages: signs, scales and phones in Cambodia use Latin digits, and columns stay aligned.
const LOCALE = "en-GB";

/**
 * @param {number} value
 * @param {number} [digits]
 */
export function number(value, digits = 0) {
  return value.toLocaleString(LOCALE, { maximumFractionDigits: digits, minimumFractionDigits: digits });
}

/**
 * @param {number} value
 * @param {string} currency
 * @param {number} [digits]
 */
export const money = (value, currency, digits = 0) =>
  value.toLocaleString(LOCALE, { style: "currency", currency, currencyDisplay: "narrowSymbol", minimumFractionDigits: digits, maximumFractionDigits: digits });

/** @param {number} ratio */
export const percent = (ratio) => ratio.toLocaleString(LOCALE, { style: "percent", maximumFractionDigits: 0 });

/**
 * A service day in words.
 *
 * @param {string} date as 2026-11-23
 */
export function day(date) {
  const moment = new Date(`${date}T12:00:00Z`);
  return t("date", { weekday: t(`weekday.${moment.getUTCDay()}`), day: moment.getUTCDate(), month: t(`month.${moment.getUTCMonth() + 1}`) });
}

/**
 * The clock time of a moment that carries the city's offset.
 *
 * @param {string} iso
 */
export const clock = (iso) => iso.slice(11, 16);

/**
 * The clock time of a moment in UTC, in the city.
 *
 * @param {string} iso
 * @param {string} timeZone
 */
export const clockIn = (iso, timeZone) =>
  new Date(iso).toLocaleTimeString(LOCALE, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone });

/**
 * The day that begins after so many, in the city's zone, as 2026-11-23.
 *
 * @param {string} timeZone
 * @param {number} after
 */
export const dateIn = (timeZone, after = 0) =>
  new Intl.DateTimeFormat("en-CA", { timeZone }).format(new Date(Date.now() + after * 86_400_000));

/**
 * The day and month of a moment in UTC, in the city.
 *
 * @param {string} iso
 * @param {string} timeZone
 */
export const dayIn = (iso, timeZone) => new Date(iso).toLocaleDateString(LOCALE, { day: "2-digit", month: "2-digit", timeZone });
