// The city's map: its own tiles, and what is laid over them.

import * as maplibre from "/web/vendor/maplibre-gl/maplibre-gl.mjs";
import { FileSource, PMTiles, Protocol } from "/web/vendor/pmtiles/pmtiles.mjs";
import { basemapLayers, DAY, NIGHT, textStyle } from "./basemap.js";
import { current, t } from "./i18n.js";
import { RATIO, sign, textPicture } from "./labels.js";
import { containerColour, drawnPlan, EMPTY, overlayLayers, SOURCES } from "./layers.js";

/** @typedef {[number, number]} Position */

const SIGNS = {
  arrow: "M5 4L21 12L5 20L9 12Z",
  unserved: "M5 5L19 19M19 5L5 19",
  depot: "M4 12L12 5L20 12V20H4Z",
  disposal_site: "M12 3L21 20H3Z",
  truck: "M2 6H14V9H18L22 13V18H2Z",
};
const FADED = 0.18;

/** @type {Protocol | null} */
let protocol = null;

/** Routes over a city, with hover and choice told to `on`: `hover(shift, uid)`, `pick(shift, uid)`, `drop(uid, shift, before)`. */
export class RouteMap {
  /**
   * @param {HTMLElement} container
   * @param {{hover?: (shift: string | null, uid: string | null) => void, pick?: (shift: string, uid: string | null) => void, drop?: (uid: string, shift: string, before: string | null) => void}} [on]
   * @param {{night?: () => boolean}} [options]
   */
  constructor(container, on = {}, { night } = {}) {
    if (!protocol) {
      protocol = new Protocol();
      maplibre.addProtocol("pmtiles", protocol.tile);
    }
    this.on = on;
    const dark = matchMedia("(prefers-color-scheme: dark)");
    this.night = night ?? (() => dark.matches);
    /** @type {string | null} */
    this.tiles = null;
    /** @type {Record<string, any>} */
    this.data = Object.fromEntries(SOURCES.map((name) => [name, EMPTY]));
    /** @type {string | null} */
    this.chosen = null;
    /** @type {string | null} */
    this.marked = null;
    this.styled = false; // whether the map's style has come
    /** @type {"fill" | "overflow" | null} */
    this.containers = null;
    /** @type {Position[]} */
    this.cityExtent = [];
    /** @type {Position[]} */
    this.extent = [];
    /** @type {{uid: string, from: any, ghost: maplibre.Marker} | null} */
    this.dragging = null;
    this.map = new maplibre.Map({
      container,
      style: this.style(),
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      maxZoom: 19,
      fadeDuration: 0,
      locale: { "Map.Title": t("map.label"), "NavigationControl.ZoomIn": t("map.in"), "NavigationControl.ZoomOut": t("map.out") },
    });
    this.map.touchZoomRotate.disableRotation();
    this.map.addControl(new maplibre.NavigationControl({ showCompass: false }), "bottom-left");
    this.map.addControl(new maplibre.ScaleControl({}), "bottom-left");
    this.map.setMissingStyleImageResolver((id) => this.picture(id));
    this.listen();
    dark.addEventListener("change", () => this.restyle());
  }

  get ink() {
    return this.night() ? NIGHT : DAY;
  }

  /** @returns {any} */
  style() {
    const sources = Object.fromEntries(SOURCES.map((name) => [name, { type: "geojson", data: this.data[name], promoteId: "uid" }]));
    const base = this.tiles ? { basemap: { type: "vector", url: `pmtiles://${this.tiles}` } } : {};
    const drawn = basemapLayers(this.ink, current()).filter((layer) => this.tiles || layer.type === "background");
    const over = overlayLayers(this.ink);
    // Streets' names lie above the routes' lines and below their stops; those of places above all but the stops' numbers.
    const [ground, names, places] = [drawn.filter((layer) => layer.type !== "symbol"), drawn.filter((layer) => layer.id === "street-names"), drawn.filter((layer) => layer.id === "place-names")];
    const [lines, points] = [over.findIndex((layer) => layer.id === "arrows"), over.findIndex((layer) => layer.id === "stop-numbers")];
    const layers = [...ground, ...over.slice(0, lines), ...names, ...over.slice(lines, points), ...places, ...over.slice(points)];
    return { version: 8, sources: { ...base, ...sources }, layers };
  }

  /** Draw everything anew in the colours of the day or the night. */
  restyle() {
    this.styled = false;
    this.map.setStyle(this.style(), { diff: false });
    this.map.once("style.load", () => {
      this.styled = true;
      for (const name of SOURCES) this.put(name, this.data[name]); // it may have come while the style was loading
      this.dress();
      this.mark(this.marked);
    });
  }

  /**
   * Show a city.
   *
   * @param {string} id
   * @param {any} depots GeoJSON
   * @param {any} sites GeoJSON
   * @param {any} containers GeoJSON
   * @param {File | null} [file] the city's tiles where they are kept; null where there are none, else from the server
   */
  setCity(id, depots, sites, containers, file) {
    if (file) protocol?.add(new PMTiles(new FileSource(file)));
    this.tiles = file === undefined ? `${location.origin}/v1/cities/${id}/basemap.pmtiles` : (file?.name ?? null);
    const mark = (/** @type {any} */ feature, /** @type {string} */ kind) => ({ ...feature, properties: { uid: `${kind}/${feature.id}`, kind, name: feature.id } });
    this.data = Object.fromEntries(SOURCES.map((name) => [name, EMPTY]));
    const features = [...depots.features.map((/** @type {any} */ one) => mark(one, "depot")), ...sites.features.map((/** @type {any} */ one) => mark(one, "disposal_site"))];
    this.data.places = { type: "FeatureCollection", features };
    this.data.rest = containers;
    this.cityExtent = this.extent = containers.features.map((/** @type {any} */ one) => one.geometry.coordinates);
    this.chosen = null;
    this.restyle();
    this.fit(false);
  }

  /**
   * Show a plan.
   *
   * @param {any} geojson
   * @param {Map<string, string>} colours by shift
   * @param {{keepView?: boolean}} [options]
   */
  setPlan(geojson, colours, { keepView = false } = {}) {
    for (const [name, data] of Object.entries(drawnPlan(geojson, colours))) this.put(name, data);
    this.extent = [...this.data.stops.features, ...this.data.unserved.features].map((/** @type {any} */ one) => one.geometry.coordinates);
    if (!this.extent.length) this.extent = this.cityExtent;
    if (!keepView) this.fit(false);
  }

  /**
   * @param {string} name of a source
   * @param {any} data GeoJSON
   */
  put(name, data) {
    this.data[name] = data;
    const source = /** @type {import("/web/vendor/maplibre-gl/maplibre-gl.mjs").GeoJSONSource | undefined} */ (this.map.getSource(name));
    source?.setData(data);
  }

  /**
   * Colour containers, or hide them with null.
   *
   * @param {"fill" | "overflow" | null} by
   */
  showContainers(by) {
    this.containers = by;
    this.dress();
  }

  /**
   * Bring one route to the fore, or all with null.
   *
   * @param {string | null} shift
   * @param {{fit?: boolean}} [options]
   */
  choose(shift, { fit = true } = {}) {
    this.chosen = shift;
    this.dress();
    if (!fit) return;
    const mine = this.data.stops.features.filter((/** @type {any} */ one) => shift === null || one.properties.shift === shift);
    this.fit(true, mine.length ? mine.map((/** @type {any} */ one) => one.geometry.coordinates) : this.extent);
  }

  /** Say in the layers what is chosen; a style that was loaded anew has forgotten it. */
  dress() {
    if (!this.map.getLayer("routes")) return;
    /** @type {(plain: number) => any} */
    const faded = (plain) => (this.chosen === null ? plain : ["case", ["==", ["get", "shift"], this.chosen], 1, FADED]);
    /** @type {any} */
    const first = this.chosen === null ? 0 : ["case", ["==", ["get", "shift"], this.chosen], 1, 0];
    for (const layer of ["routes", "routes-casing"]) this.map.setLayoutProperty(layer, "line-sort-key", first);
    this.map.setLayoutProperty("stops", "circle-sort-key", first);
    const quiet = this.containers !== null;
    this.map.setPaintProperty("routes", "line-opacity", quiet ? 0.25 : faded(0.9));
    this.map.setPaintProperty("routes-casing", "line-opacity", quiet ? 0.2 : faded(0.85));
    for (const part of /** @type {const} */ (["circle-opacity", "circle-stroke-opacity"])) this.map.setPaintProperty("stops", part, quiet ? 0 : faded(1));
    for (const layer of ["arrows", "stop-numbers"]) {
      this.map.setLayoutProperty(layer, "visibility", quiet ? "none" : "visible");
      this.map.setPaintProperty(layer, "icon-opacity", faded(1));
    }
    this.map.setLayoutProperty("containers", "visibility", quiet ? "visible" : "none");
    if (this.containers) this.map.setPaintProperty("containers", "circle-color", containerColour(this.containers));
  }

  /**
   * Mark a stop, as if the pointer were over it.
   *
   * @param {string | null} uid
   */
  mark(uid) {
    const before = this.marked;
    this.marked = uid;
    if (!this.styled) return; // it is marked when the style has come; before, the map refuses
    if (before) this.map.setFeatureState({ source: "stops", id: before }, { hover: false });
    if (uid) this.map.setFeatureState({ source: "stops", id: uid }, { hover: true });
  }

  /**
   * Bring a stop into view.
   *
   * @param {string} uid
   */
  goTo(uid) {
    const stop = this.data.stops.features.find((/** @type {any} */ one) => one.properties.uid === uid);
    if (stop) this.lookAt(stop.geometry.coordinates);
  }

  /** @param {Position} at */
  lookAt(at) {
    this.map.easeTo({ center: at, zoom: Math.max(this.map.getZoom(), 15.5), ...this.pace() });
  }

  /**
   * @param {boolean} moving
   * @param {Position[]} [positions]
   */
  fit(moving = true, positions = this.extent) {
    if (!positions.length) return;
    const bounds = new maplibre.LngLatBounds();
    for (const at of positions) bounds.extend(at);
    const box = this.map.getContainer();
    const padding = Math.min(70, box.clientWidth / 6, box.clientHeight / 6);
    this.map.fitBounds(bounds, { padding, maxZoom: 16, ...(moving ? this.pace() : { animate: false }) });
  }

  /** No movement for those who asked for none. */
  pace() {
    return { animate: !matchMedia("(prefers-reduced-motion: reduce)").matches, duration: 500 };
  }

  /**
   * Draw a picture that a layer asks for: `text|STYLE|TEXT`, `number|N`, `arrow|COLOUR`, a sign.
   *
   * @param {string} id
   */
  picture(id) {
    const [kind, ...rest] = id.split("|");
    const { ink } = this;
    let drawn;
    if (kind === "text") drawn = textPicture(rest.slice(1).join("|"), textStyle(rest[0], ink));
    else if (kind === "number") drawn = textPicture(rest[0], { font: "700 11px system-ui, sans-serif", ink: "#ffffff", halo: "rgba(0,0,0,0)" });
    else if (kind === "arrow") drawn = sign(SIGNS.arrow, { fill: rest[0], stroke: ink.halo, width: 3 });
    else if (kind === "unserved") drawn = sign(SIGNS.unserved, { stroke: this.night() ? "#ff8a80" : "#b3261e", width: 4 });
    else if (kind in SIGNS) drawn = sign(SIGNS[/** @type {keyof typeof SIGNS} */ (kind)], { fill: ink.ink, stroke: ink.halo, width: 3 });
    if (drawn && !this.map.hasImage(id)) this.map.addImage(id, drawn, { pixelRatio: RATIO });
  }

  listen() {
    const { map } = this;
    const under = (/** @type {any} */ point, /** @type {string[]} */ layers) => {
      const reach = 5;
      const box = /** @type {[Position, Position]} */ ([[point.x - reach, point.y - reach], [point.x + reach, point.y + reach]]);
      return map.queryRenderedFeatures(box, { layers: layers.filter((id) => map.getLayer(id)) })[0];
    };
    map.on("mousemove", (event) => {
      if (this.dragging) {
        this.dragging.ghost.setLngLat(event.lngLat);
        return;
      }
      const found = under(event.point, ["stops"]) ?? under(event.point, ["routes"]);
      map.getCanvas().style.cursor = found ? "pointer" : "";
      const uid = found?.layer.id === "stops" ? found.properties.uid : null;
      this.mark(uid);
      this.on.hover?.(found?.properties.shift ?? null, uid);
    });
    map.on("mouseout", () => {
      this.mark(null);
      this.on.hover?.(null, null);
    });
    if (this.on.drop) this.listenToDrags(under);
    map.on("click", (event) => {
      const found = under(event.point, ["stops"]) ?? under(event.point, ["routes"]);
      if (found) this.on.pick?.(found.properties.shift, found.layer.id === "stops" ? found.properties.uid : null);
    });
  }

  /**
   * Let stops be dragged: onto another stop, before which they are to come, or onto a route, where they cost least.
   *
   * @param {(point: any, layers: string[]) => any} under
   */
  listenToDrags(under) {
    const { map } = this;
    map.on("mousedown", (event) => {
      const stop = event.originalEvent.button === 0 && this.containers === null && under(event.point, ["stops"]);
      if (!stop) return;
      event.preventDefault(); // the map stays where it is
      const { uid, colour } = stop.properties;
      this.dragging = { uid, from: event.point, ghost: new maplibre.Marker({ color: colour }).setLngLat(event.lngLat).addTo(map) };
      map.getCanvas().style.cursor = "grabbing";
    });
    map.on("mouseup", (event) => {
      const drag = this.dragging;
      if (!drag) return;
      this.dragging = null;
      drag.ghost.remove();
      map.getCanvas().style.cursor = "";
      if (drag.from.dist(event.point) < 12) return; // a click
      const stops = map.queryRenderedFeatures([[event.point.x - 14, event.point.y - 14], [event.point.x + 14, event.point.y + 14]], { layers: ["stops"] });
      const other = stops.find((one) => one.properties.uid !== drag.uid);
      const route = other ?? under(event.point, ["routes"]);
      if (route) this.on.drop?.(drag.uid, route.properties.shift, other ? other.properties.uid : null);
    });
  }
}
