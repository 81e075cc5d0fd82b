// Elements, made and found.

/**
 * Make an element. Properties that begin with "on" are listeners, those with a hyphen and `role`, `for` and the like
 * are attributes, `class` is the class; null and false are left out, and true is an attribute without a value.
 *
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, any>} [properties]
 * @param {(Node | string | null | undefined | false)[]} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function make(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else made.setAttribute(key, String(value));
  }
  made.append(.../** @type {(Node | string)[]} */ (children.filter((child) => child || child === "")));
  return made;
}

/**
 * @param {string} id
 * @returns {any}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no element ${id}.`);
  return found;
}

/**
 * Give colours to elements; the pages' policy forbids style attributes, not this.
 *
 * @template {HTMLElement} E
 * @param {E} element
 * @param {Record<string, string>} style
 * @returns {E}
 */
export function styled(element, style) {
  for (const [name, value] of Object.entries(style)) element.style.setProperty(name, value);
  return element;
}

/**
 * Hand a file to whoever asked for it.
 *
 * @param {Blob} content
 * @param {string} name
 */
export function save(content, name) {
  const link = make("a", { href: URL.createObjectURL(content), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/**
 * Wait.
 *
 * @param {number} ms
 */
export const pause = (ms) => new Promise((wake) => setTimeout(wake, ms));
