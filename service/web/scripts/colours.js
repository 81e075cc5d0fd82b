// Colours of routes: twelve that differ in hue and lightness, each dark enough for white figures (4.5 : 1).

const ROUTES = [
  "#1f6fb4", "#c2364b", "#2a7f3f", "#a85500", "#7b3fa0", "#007a87",
  "#7d6200", "#b51c75", "#3949ab", "#586a14", "#86452b", "#4a6572",
];

/** @param {number} index */
export const routeColour = (index) => ROUTES[index % ROUTES.length];

/** Containers by how full they are: empty, half full, nearly full, running over. */
export const FILL = ["#7fb3d5", "#3f8f63", "#d98a00", "#c62828"];
