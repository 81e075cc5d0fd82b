// How the city's own map looks, by day and by night.

/** @typedef {import("/web/vendor/maplibre-gl/maplibre-gl.mjs").LayerSpecification} Layer */

export const DAY = {
  ground: "#f4f3ef", water: "#bcd7e6", green: "#dbe8cf", building: "#e9e6df", rail: "#b9b4a8",
  minor: "#ffffff", casing: "#d9d5cb", major: "#fbe3b4", path: "#d8cfbf", ink: "#4b4f55", halo: "#ffffff", water_ink: "#3b6f92",
};
export const NIGHT = {
  ground: "#15191d", water: "#17313f", green: "#1c2a21", building: "#1d2228", rail: "#39424b",
  minor: "#2c343c", casing: "#191e23", major: "#4a4536", path: "#333a41", ink: "#b3bcc5", halo: "#15191d", water_ink: "#7fb0cf",
};

/** How wide streets are drawn, in pixels at zooms 10, 14 and 18. */
const WIDTHS = { motorway: [1.6, 5, 26], trunk: [1.4, 4.5, 24], primary: [1.2, 4, 22], secondary: [0.9, 3.4, 19], tertiary: [0.6, 2.8, 16], minor: [0.3, 1.7, 12], service: [0.2, 1, 7] };

/**
 * @param {number} extra
 * @returns {any}
 */
function streetWidth(extra) {
  const at = (/** @type {number} */ index) => ["match", ["get", "class"], ...Object.entries(WIDTHS).flatMap(([kind, widths]) => [kind, widths[index] + extra]), 1 + extra];
  return ["interpolate", ["exponential", 1.5], ["zoom"], 10, at(0), 14, at(1), 18, at(2)];
}

/**
 * The layers of the map; `language` chooses among names.
 *
 * @param {typeof DAY} ink
 * @param {string} language
 * @returns {Layer[]}
 */
export function basemapLayers(ink, language) {
  const source = "basemap";
  const name = ["coalesce", ["get", `name:${language}`], ["get", "name"], ["get", "name:en"]];
  const text = (/** @type {string} */ style) => ["concat", `text|${style}|`, name];
  const paths = ["in", ["get", "class"], ["literal", ["path", "track"]]];
  return /** @type {Layer[]} */ ([
    { id: "ground", type: "background", paint: { "background-color": ink.ground } },
    { id: "green", type: "fill", source, "source-layer": "green", paint: { "fill-color": ink.green } },
    { id: "water", type: "fill", source, "source-layer": "water", paint: { "fill-color": ink.water } },
    { id: "waterways", type: "line", source, "source-layer": "waterways", layout: { "line-cap": "round" }, paint: { "line-color": ink.water, "line-width": ["interpolate", ["linear"], ["zoom"], 10, 1, 16, 4] } },
    { id: "buildings", type: "fill", source, "source-layer": "buildings", minzoom: 14, paint: { "fill-color": ink.building } },
    { id: "railways", type: "line", source, "source-layer": "railways", paint: { "line-color": ink.rail, "line-width": 1.2, "line-dasharray": [4, 2] } },
    { id: "paths", type: "line", source, "source-layer": "streets", filter: paths, minzoom: 13, paint: { "line-color": ink.path, "line-width": 1.2, "line-dasharray": [2, 1.5] } },
    { id: "streets-casing", type: "line", source, "source-layer": "streets", filter: ["!", paths], minzoom: 12, layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": ink.casing, "line-width": streetWidth(1.6) } },
    { id: "streets", type: "line", source, "source-layer": "streets", filter: ["!", paths], layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": ["match", ["get", "class"], ["motorway", "trunk", "primary"], ink.major, ink.minor], "line-width": streetWidth(0), "line-opacity": ["case", ["has", "tunnel"], 0.5, 1] } },
    { id: "street-names", type: "symbol", source, "source-layer": "streets", minzoom: 14, filter: ["has", "name"], layout: { "symbol-placement": "line-center", "icon-image": text("street"), "icon-rotation-alignment": "map", "icon-keep-upright": true, "icon-padding": 8 } },
    { id: "place-names", type: "symbol", source, "source-layer": "places", layout: { "icon-image": ["match", ["get", "class"], ["city", "town"], text("town"), "landmark", text("landmark"), text("suburb")], "icon-padding": 6, "symbol-sort-key": ["match", ["get", "class"], ["city", "town"], 0, "landmark", 3, 2] } },
  ]);
}

/**
 * How a name of this kind is written.
 *
 * @param {string} style
 * @param {typeof DAY} ink
 */
export function textStyle(style, ink) {
  const family = '"Noto Sans Khmer Samram", system-ui, sans-serif';
  const fonts = { street: `500 11.5px ${family}`, town: `700 17px ${family}`, suburb: `600 13px ${family}`, landmark: `500 12px ${family}`, place: `700 13px ${family}` };
  return { font: fonts[/** @type {keyof typeof fonts} */ (style)] ?? fonts.street, ink: ink.ink, halo: ink.halo };
}
