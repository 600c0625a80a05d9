/**
 * What of the fleet is in view at one moment, where on the canvas, as which picture, and in which
 * order it is drawn; pure. The same arrays are filled again for each frame.
 */
import { ALARM_RANK, Atlas, DRAW_RANK } from "./atlas.js";
import { FLAG_ALARM } from "./model.js";

/** @typedef {import("./canvaslayer.js").View} View */
/** @typedef {import("./store.js").VehicleStore} VehicleStore */

export class Scene {
  /** Markers in view; the arrays hold more places than that. */
  count = 0;
  /** Centres, CSS pixels of the canvas. */
  x = new Float32Array(0);
  y = new Float32Array(0);
  slots = new Int32Array(0);
  pictures = new Uint16Array(0);
  /** Items in the order in which they are drawn. */
  order = new Int32Array(0);

  /**
   * @param {VehicleStore} store @param {View} view
   * @param {number} now monotonic ms
   * @param {number} selected slot that is in view even when the filter hides it
   */
  collect(store, view, now, selected) {
    this.#reserve(store.columns.alive.length);
    const c = store.columns;
    const { size, left, top, width, height, centreX } = view;
    let count = 0;
    for (let slot = 0; slot < store.size; slot += 1) {
      if (c.shown[slot] === 0 && slot !== selected) continue;
      store.place(slot, now);
      const x = (c.drawnX[slot] + Math.round(centreX - c.drawnX[slot])) * size - left;
      if (x < 0 || x > width) continue;
      const y = c.drawnY[slot] * size - top;
      if (y < 0 || y > height) continue;
      this.x[count] = x;
      this.y[count] = y;
      this.slots[count] = slot;
      count += 1;
    }
    this.count = count;
    this.#sort(store);
  }

  /** Picks the pictures and the order (counting sort by rank). @param {VehicleStore} store */
  #sort(store) {
    const { state, flags, drawnCourse } = store.columns;
    const next = new Int32Array(ALARM_RANK + 2);
    const rankOf = (/** @type {number} */ slot) =>
      (flags[slot] & FLAG_ALARM) !== 0 ? ALARM_RANK : DRAW_RANK[state[slot]];
    for (let i = 0; i < this.count; i += 1) next[rankOf(this.slots[i]) + 1] += 1;
    for (let rank = 1; rank < next.length; rank += 1) next[rank] += next[rank - 1];
    for (let i = 0; i < this.count; i += 1) {
      const slot = this.slots[i];
      const alarm = (flags[slot] & FLAG_ALARM) !== 0;
      this.order[next[rankOf(slot)]++] = i;
      this.pictures[i] = Atlas.pick(state[slot], drawnCourse[slot], alarm);
    }
  }

  /** @param {number} capacity */
  #reserve(capacity) {
    if (this.slots.length >= capacity) return;
    this.x = new Float32Array(capacity);
    this.y = new Float32Array(capacity);
    this.slots = new Int32Array(capacity);
    this.pictures = new Uint16Array(capacity);
    this.order = new Int32Array(capacity);
  }
}
