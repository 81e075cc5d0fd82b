// What the phone keeps: the shift, its route and map, and every event until long after it was sent. IndexedDB outlives a
// reload, a flat battery and a day without a network.

const NAME = "samram-drive";
/** @type {Promise<IDBDatabase> | null} */
let opened = null;

function open() {
  opened ??= new Promise((done, fail) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore("things");
      asked.result.createObjectStore("events", { keyPath: "sequence" });
    };
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => fail(asked.error);
  });
  return opened;
}

/**
 * Do something with one store; the promise is kept when it is on the disk.
 *
 * @template T
 * @param {"things" | "events"} store
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest<T>} work
 * @returns {Promise<T>}
 */
async function use(store, mode, work) {
  const database = await open();
  return new Promise((done, fail) => {
    const transaction = database.transaction(store, mode, { durability: "strict" });
    const asked = work(transaction.objectStore(store));
    transaction.oncomplete = () => done(asked.result);
    transaction.onerror = transaction.onabort = () => fail(transaction.error);
  });
}

/** @param {string} name */
export const read = (name) => use("things", "readonly", (store) => store.get(name));
/**
 * @param {string} name
 * @param {any} value
 */
export const keep = (name, value) => use("things", "readwrite", (store) => store.put(value, name));
/** @returns {Promise<any[]>} every event, in the order of its number */
export const allEvents = () => use("events", "readonly", (store) => store.getAll());
/** @param {any} event */
export const keepEvent = (event) => use("events", "readwrite", (store) => store.put(event));

/** Forget the shift and its events; the phone's own name and count stay, so that no number is used twice. */
export async function forgetShift() {
  await use("events", "readwrite", (store) => store.clear());
  for (const name of ["shift", "route", "state", "map"]) await use("things", "readwrite", (store) => store.delete(name));
}
