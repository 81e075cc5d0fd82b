// The routes of one scenario, with what another one does differently marked on top.

import { EMPTY } from "../layers.js";
import { RATIO, sign } from "../labels.js";
import { RouteMap } from "../map.js";

/** Of 24: a diamond for what is served in one scenario only, a square for what another truck serves; both are rings. */
const MARKS = { only: "M12 2L22 12L12 22L2 12Z", other: "M4 4H20V20H4Z" };
export const MARK_COLOURS = { only: "#c2185b", other: "#5e35b1" };

export class ComparedMap extends RouteMap {
  /**
   * @param {HTMLElement} container
   * @param {string} label what the map shows, read aloud
   */
  constructor(container, label) {
    super(container);
    /** @type {any} GeoJSON, each with its `kind` */
    this.differences = EMPTY;
    this.map.getCanvas().setAttribute("aria-label", label);
  }

  style() {
    const style = super.style();
    style.sources.differences = { type: "geojson", data: this.differences ?? EMPTY };
    style.layers.push({ id: "differences", type: "symbol", source: "differences", layout: { "icon-image": ["concat", "differs|", ["get", "kind"]], "icon-allow-overlap": true, "icon-ignore-placement": true, "icon-size": ["interpolate", ["linear"], ["zoom"], 10, 0.4, 14, 0.75, 17, 1.25] } });
    return style;
  }

  /** @param {string} id */
  picture(id) {
    const kind = /** @type {keyof typeof MARKS} */ (id.split("|")[1]);
    if (!id.startsWith("differs|")) return super.picture(id);
    if (!this.map.hasImage(id)) this.map.addImage(id, ringed(MARKS[kind], MARK_COLOURS[kind]), { pixelRatio: RATIO });
  }
}

/**
 * A ring in a colour, with a white edge that lifts it off whatever lies below.
 *
 * @param {string} path
 * @param {string} colour
 */
function ringed(path, colour) {
  const white = sign(path, { stroke: "#ffffff", width: 6 });
  const inner = sign(path, { stroke: colour, width: 3 });
  for (let at = 0; at < white.data.length; at += 4) {
    const cover = inner.data[at + 3] / 255;
    for (let part = 0; part < 3; part += 1) white.data[at + part] = Math.round(inner.data[at + part] * cover + white.data[at + part] * (1 - cover));
    white.data[at + 3] = Math.max(white.data[at + 3], inner.data[at + 3]);
  }
  return white;
}
