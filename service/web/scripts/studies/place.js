// A place chosen on the city's map: by a click, or with the keyboard by moving the map under its middle.

import * as maplibre from "/web/vendor/maplibre-gl/maplibre-gl.mjs";
import { byId } from "../dom.js";
import { t } from "../i18n.js";
import { RouteMap } from "../map.js";
import { ofCity, state } from "./state.js";

const DIGITS = 6; // of a degree: a tenth of a metre

/** @type {RouteMap | null} */
let map = null;
let shown = "";

/**
 * Ask for a place, or for several one after the other.
 *
 * @param {boolean} several
 * @param {number[][]} now
 * @returns {Promise<number[][] | null>} longitudes and latitudes; null where nothing is to change
 */
export async function pickPlaces(several, now) {
  const dialog = byId("place");
  const around = await Promise.all(["depots", "disposal-sites", "containers"].map(ofCity));
  if (dialog.open) return null; // asked for twice while that came
  byId("place-title").textContent = several ? t("place.several") : t("place.where");
  byId("place-undo").hidden = !several;
  dialog.showModal();
  const drawn = shownMap(around);
  /** @type {maplibre.Marker[]} */
  const markers = [];
  let places = now.map((one) => [...one]);
  const draw = () => {
    for (const marker of markers.splice(0)) marker.remove();
    if (drawn) for (const at of places) markers.push(new maplibre.Marker({ color: "#b3261e" }).setLngLat(/** @type {[number, number]} */ (at)).addTo(drawn.map));
    byId("place-said").textContent = places.length ? places.map((one) => one.join(", ")).join(" · ") : t("place.none");
    byId("place-ok").disabled = !places.length && !several;
  };
  const add = (/** @type {{lng: number, lat: number}} */ at) => {
    const place = [Number(at.lng.toFixed(DIGITS)), Number(at.lat.toFixed(DIGITS))];
    places = several ? [...places, place] : [place];
    draw();
  };
  const clicked = (/** @type {any} */ event) => add(event.lngLat);
  drawn?.map.on("click", clicked);
  byId("place-centre").onclick = () => drawn && add(drawn.map.getCenter());
  byId("place-undo").onclick = () => {
    places = places.slice(0, -1);
    draw();
  };
  draw();
  return new Promise((settle) => {
    const end = (/** @type {number[][] | null} */ found) => {
      drawn?.map.off("click", clicked);
      for (const marker of markers.splice(0)) marker.remove();
      settle(found); // before the dialog is gone: what it was for is there then
      dialog.close();
    };
    byId("place-ok").onclick = () => end(places);
    byId("place-cancel").onclick = () => end(null);
    dialog.oncancel = () => end(null);
    // The event comes later than the closing, perhaps when the dialog has been opened for another place.
    dialog.onclose = () => dialog.open || end(null);
  });
}

/**
 * The city's map; null where the browser cannot draw it: numbers can be typed still.
 *
 * @param {any[]} around depots, disposal sites and containers
 */
function shownMap([depots, sites, containers]) {
  try {
    map ??= new RouteMap(byId("place-map"));
  } catch (error) {
    console.error(error);
    byId("place-map").textContent = t("map.none");
    return null;
  }
  map.map.resize();
  if (shown !== state.city.id) {
    map.setCity(state.city.id, depots, sites, containers);
    byId("place-attribution").textContent = state.city.attribution;
    shown = state.city.id;
  }
  return map;
}
