// What the driver reports goes into the phone first and to the server when it can be reached, in order, as often as need
// be: the server counts each (phone, number) once.

import { call, Refused, Unreachable } from "../api.js";
import { allEvents, keep, keepEvent, read } from "./kept.js";

const MOST = 200; // events in one request
const AGAIN_MS = 15_000;

export class Outbox {
  /**
   * @param {any} shift
   * @param {() => void} changed called when the count changes
   */
  constructor(shift, changed) {
    this.shift = shift;
    this.changed = changed;
    /** @type {any[]} */
    this.events = [];
    this.sending = false;
    this.refused = 0;
    /** @type {Promise<unknown>} */
    this.adding = Promise.resolve(); // one at a time: two quick taps must not get one number
  }

  /** Read what is kept, and go on sending. */
  async begin() {
    this.events = await allEvents();
    this.phone = (await read("phone")) ?? crypto.randomUUID();
    await keep("phone", this.phone);
    addEventListener("online", () => this.send());
    setInterval(() => this.send(), AGAIN_MS);
    this.changed();
    this.send();
  }

  /** How many events the server has not taken yet. */
  get waiting() {
    return this.events.filter((event) => !event.settled).length;
  }

  /**
   * Report something: it is on the phone's disk when this returns.
   *
   * @param {Record<string, any>} body of the event, its kind first
   * @param {string} [step] of the route that is over with it
   */
  add(body, step) {
    const added = this.adding.then(() => this.store(body, step));
    this.adding = added.catch(() => undefined);
    return added;
  }

  /**
   * @param {Record<string, any>} body
   * @param {string} [step]
   */
  async store(body, step) {
    const sequence = ((await read("sequence")) ?? -1) + 1;
    await keep("sequence", sequence);
    const event = { sequence, settled: false, step, body: { ...body, sequence, time: now() } };
    await keepEvent(event);
    this.events.push(event);
    this.changed();
    this.send();
  }

  /**
   * Note that a step of the route is over of which the server need not know.
   *
   * @param {string} step
   */
  async pass(step) {
    const sequence = -1 - this.events.filter((event) => event.sequence < 0).length; // beside the phone's count
    const event = { sequence, settled: true, step, body: {} };
    await keepEvent(event);
    this.events.push(event);
    this.changed();
  }

  /** Send what waits, unless that is under way. */
  async send() {
    if (this.sending) return;
    this.sending = true;
    try {
      for (let batch = this.batch(); batch.length; batch = this.batch()) await this.post(batch);
    } catch (error) {
      if (!(error instanceof Unreachable) && !(error instanceof Refused)) throw error;
      // Another time: the network is away, or the server cannot take it just now.
    } finally {
      this.sending = false;
      this.changed();
    }
  }

  batch() {
    return this.events.filter((event) => !event.settled).slice(0, MOST);
  }

  /** @param {any[]} batch */
  async post(batch) {
    const answer = await call(`${this.shift.base}/events`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...this.shift.headers },
      body: JSON.stringify({ phone: this.phone, events: batch.map((event) => event.body) }),
    });
    for (const [index, outcome] of answer.results.entries()) {
      const event = batch[index];
      // What the server refuses once it refuses always; it stays on the phone with the reason.
      event.settled = true;
      event.refused = outcome.status === "refused" ? outcome.detail : null;
      await keepEvent(event);
    }
    this.refused = this.events.filter((event) => event.refused).length;
    this.changed();
  }
}

/** The moment with the phone's own offset, to the second. */
function now() {
  const moment = new Date();
  const away = -moment.getTimezoneOffset();
  const two = (/** @type {number} */ value) => String(Math.floor(Math.abs(value))).padStart(2, "0");
  return `${new Date(moment.getTime() + away * 60_000).toISOString().slice(0, 19)}${away < 0 ? "-" : "+"}${two(away / 60)}:${two(away % 60)}`;
}
