/**
 * The order of the vehicle list; pure. Sorts by name, state or last report, and can be frozen so
 * that rows do not move under the pointer: then what goes is taken out, what comes is put last.
 */

/** @typedef {import("./store.js").VehicleStore} VehicleStore */
/** @typedef {"name" | "state" | "report"} SortKey */

export const SORT_KEYS = /** @type {const} */ (["name", "state", "report"]);

export class ListOrder {
  /** @type {SortKey} */ sort = "name";
  frozen = false;
  /** Slots in the order of the list. @type {number[]} */ slots = [];
  /** All slots by name, kept from time to time: sorting what is nearly sorted is quick. */
  #byName = /** @type {number[]} */ ([]);
  #rank = new Int32Array(0);
  #membership = -1;
  #collator;

  /** @param {string} language BCP 47 */
  constructor(language) {
    this.#collator = new Intl.Collator(language, { numeric: true });
  }

  /** @param {string} language BCP 47 */
  setLanguage(language) {
    this.#collator = new Intl.Collator(language, { numeric: true });
    this.#membership = -1;
  }

  /** Works the order out anew from what passes the filter. @param {VehicleStore} store */
  update(store) {
    const { shown } = store.columns;
    if (this.frozen) {
      this.#follow(store);
      return;
    }
    this.#rankNames(store);
    const slots = this.#byName.filter((slot) => shown[slot] === 1);
    const rank = this.#rank;
    const c = store.columns;
    if (this.sort === "state") {
      slots.sort((a, b) => c.state[a] - c.state[b] || rank[a] - rank[b]);
    } else if (this.sort === "report") {
      slots.sort((a, b) => c.fixMs[b] - c.fixMs[a] || rank[a] - rank[b]);
    }
    this.slots = slots;
  }

  /** @param {VehicleStore} store */
  #follow(store) {
    const { shown } = store.columns;
    const kept = this.slots.filter((slot) => shown[slot] === 1);
    const listed = new Set(kept);
    for (let slot = 0; slot < store.size; slot += 1) {
      if (shown[slot] === 1 && !listed.has(slot)) kept.push(slot);
    }
    this.slots = kept;
  }

  /** @param {VehicleStore} store */
  #rankNames(store) {
    if (this.#membership === store.membership) return;
    this.#membership = store.membership;
    const { alive } = store.columns;
    const known = this.#byName.filter((slot) => alive[slot] !== 0);
    const listed = new Set(known);
    for (let slot = 0; slot < store.size; slot += 1) {
      if (alive[slot] !== 0 && !listed.has(slot)) known.push(slot);
    }
    const { names, ids } = store;
    const compare = this.#collator.compare;
    known.sort((a, b) => compare(names[a], names[b]) || compare(ids[a], ids[b]));
    this.#byName = known;
    this.#rank = new Int32Array(store.size);
    known.forEach((slot, rank) => {
      this.#rank[slot] = rank;
    });
  }
}
