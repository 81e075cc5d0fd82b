// Keeps the driver's page on the phone, so that it opens without a network. What the shift is about (its route, the map,
// what was reported) the page keeps itself; requests to the API are not touched.

const SHELL = "samram-drive-1";
const FILES = [
  "/drive", "/web/icon.svg", "/web/drive.webmanifest", "/web/styles/base.css", "/web/styles/drive.css",
  "/web/locales/en.json", "/web/locales/km.json",
  "/web/scripts/api.js", "/web/scripts/basemap.js", "/web/scripts/colours.js", "/web/scripts/dom.js", "/web/scripts/i18n.js",
  "/web/scripts/labels.js", "/web/scripts/layers.js", "/web/scripts/map.js",
  "/web/scripts/drive/dialogs.js", "/web/scripts/drive/kept.js", "/web/scripts/drive/outbox.js", "/web/scripts/drive/page.js",
  "/web/scripts/drive/position.js", "/web/scripts/drive/route.js", "/web/scripts/drive/shift.js", "/web/scripts/drive/view.js",
  "/web/vendor/maplibre-gl/maplibre-gl.css", "/web/vendor/maplibre-gl/maplibre-gl.mjs", "/web/vendor/maplibre-gl/maplibre-gl-worker.mjs",
  "/web/vendor/pmtiles/pmtiles.mjs", "/web/vendor/fflate/fflate.mjs",
  "/web/vendor/noto-sans-khmer/khmer-400.woff2", "/web/vendor/noto-sans-khmer/khmer-700.woff2",
];

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(SHELL).then((cache) => cache.addAll(FILES)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = async () => {
    for (const name of await caches.keys()) if (name !== SHELL) await caches.delete(name);
    await self.clients.claim();
  };
  event.waitUntil(old());
});

// What the server has is newer; what is kept is there. The page has its answer before the copy is kept: a large one that
// nobody reads yet could hold up its own copy.
async function answer(event, key) {
  const cache = await caches.open(SHELL);
  try {
    const reply = await fetch(event.request);
    if (reply.ok) event.waitUntil(cache.put(key, reply.clone()));
    if (reply.ok || reply.status === 304) return reply;
    return (await cache.match(key)) ?? reply;
  } catch (error) {
    const kept = await cache.match(key);
    if (kept) return kept;
    throw error;
  }
}

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  if (FILES.includes(url.pathname)) event.respondWith(answer(event, url.pathname));
});
