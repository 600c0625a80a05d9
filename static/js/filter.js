/**
 * Which vehicles the list and the map show: those in the chosen states that match the query; pure.
 */
import { foldQuery, matches } from "./fold.js";
import { STATES } from "./model.js";

/** @typedef {import("./store.js").VehicleStore} VehicleStore */

export class Filter {
  query = "";
  /** Chosen states, by code; none chosen means all. @type {Set<number>} */
  states = new Set();
  /** @type {string[]} */ #words = [];

  get active() {
    return this.states.size > 0 || this.#words.length > 0;
  }

  /** @param {string} query */
  search(query) {
    this.query = query;
    this.#words = foldQuery(query);
  }

  /** Chooses a state or lets it go. @param {number} state */
  toggle(state) {
    if (!this.states.delete(state)) this.states.add(state);
    if (this.states.size === STATES.length) this.states.clear();
  }

  clear() {
    this.search("");
    this.states.clear();
  }

  /** @param {VehicleStore} store @param {number} slot */
  passes(store, slot) {
    if (this.states.size > 0 && !this.states.has(store.columns.state[slot])) return false;
    return this.#words.length === 0 || matches(store.haystacks[slot], this.#words);
  }

  /**
   * Marks what passes in the store's `shown` column.
   * @param {VehicleStore} store
   * @returns {number} how many pass
   */
  apply(store) {
    const { alive, shown } = store.columns;
    let count = 0;
    for (let slot = 0; slot < store.size; slot += 1) {
      const passes = alive[slot] !== 0 && (!this.active || this.passes(store, slot));
      shown[slot] = passes ? 1 : 0;
      if (passes) count += 1;
    }
    return count;
  }
}
