// Requests to the server, and its errors as sentences.

/** An answer that is no success; `problem` is the server's problem details (RFC 9457), where it sent any. */
export class Refused extends Error {
  /**
   * @param {number} status
   * @param {any} problem
   * @param {number} [waitS] how many seconds the server asks to wait
   */
  constructor(status, problem, waitS = 0) {
    super(problem?.detail ?? `HTTP ${status}`);
    this.status = status;
    this.problem = problem;
    this.waitS = waitS;
  }
}

/** The server did not answer at all. */
export class Unreachable extends Error {}

/**
 * @param {string} path
 * @param {RequestInit} [options]
 */
async function reach(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    throw new Unreachable(String(error));
  }
}

/** @type {Promise<Response> | null} */
let renewing = null;

/** Go on with the session: its token lives a quarter of an hour, itself for days. */
export async function renew() {
  renewing ??= reach("/v1/session/refresh", { method: "POST" }).finally(() => {
    renewing = null;
  });
  return (await renewing).ok;
}

/**
 * Ask the server. Who is not signed in is sent to do so, unless the request has a token of its own.
 *
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<Response>} a success
 */
async function ask(path, options) {
  const own = new Headers(options?.headers).has("Authorization");
  let reply = await reach(path, options);
  if (reply.status === 401 && !own && location.pathname !== "/sign-in" && (await renew())) reply = await reach(path, options);
  if (reply.ok) return reply;
  if (reply.status === 401 && !own && location.pathname !== "/sign-in") {
    location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search + location.hash)}`);
  }
  throw new Refused(reply.status, await read(reply), Number(reply.headers.get("Retry-After") ?? 0));
}

/** @param {Response} reply */
async function read(reply) {
  const text = await reply.text();
  return text && /json/.test(reply.headers.get("content-type") ?? "") ? JSON.parse(text) : null;
}

/**
 * Ask the server for JSON; null where it has none to say.
 *
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<any>}
 */
export async function call(path, options) {
  return read(await ask(path, options));
}

/**
 * Fetch a file.
 *
 * @param {string} path
 */
export const file = async (path) => (await ask(path)).blob();

/**
 * Let the browser keep a file that the server makes.
 *
 * @param {string} path
 * @param {unknown} body sent as JSON
 * @param {string} name of the file
 */
export async function download(path, body, name) {
  const reply = await ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await reply.blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/**
 * Send JSON.
 *
 * @param {string} path
 * @param {unknown} body
 * @param {Record<string, string>} [headers]
 * @returns {Promise<any>}
 */
export function post(path, body, headers = {}) {
  return call(path, { method: "POST", headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(body) });
}
