// Where the truck is: followed from the start of the shift to its end, and said so on the page.

const EVERY_MS = 30_000;

/**
 * Follow the position until the returned function is called.
 *
 * @param {(at: [number, number], accuracy: number) => void} moved called with each position
 * @param {(at: [number, number], accuracy: number) => void} report called with one every half minute
 * @param {() => void} denied the phone may not give any; where it only has none yet, it is waited for
 */
export function follow(moved, report, denied) {
  if (!navigator.geolocation) {
    denied();
    return () => undefined;
  }
  let last = 0;
  const watch = navigator.geolocation.watchPosition(
    ({ coords }) => {
      /** @type {[number, number]} */
      const at = [coords.longitude, coords.latitude];
      moved(at, coords.accuracy);
      if (Date.now() - last < EVERY_MS) return;
      last = Date.now();
      report(at, coords.accuracy);
    },
    (error) => error.code === error.PERMISSION_DENIED && denied(),
    { enableHighAccuracy: true, maximumAge: 5_000 },
  );
  return () => navigator.geolocation.clearWatch(watch);
}
