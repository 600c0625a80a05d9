/**
 * Where each vehicle was in the last minutes: one ring of points per slot; pure.
 *
 * A point that adds nothing (a straight piece, driven a moment ago) is replaced by the next, so
 * that five minutes at one fix a second fit into a short ring.
 */
import { GAP_MS, turnDeg } from "./motion.js";

/** Points of one vehicle. */
export const TRAIL_POINTS = 96;

/** How far back a trail reaches. */
export const TRAIL_MS = 300_000;

/** Points of a straight line are this far apart in time, ms. */
const STRAIGHT_MS = 5000;

/** A turn that a trail keeps, degrees. */
const TURN_DEG = 9;

export class Trails {
  /** World coordinates; slot × TRAIL_POINTS + place. */
  x = new Float64Array(0);
  y = new Float64Array(0);
  /** Time of the fix in seconds since `epochMs`; 32 bits hold it for months. */
  seconds = new Float32Array(0);
  /** 1: not joined to the point before. */
  gap = new Uint8Array(0);
  /** Place after the newest point, and points held. */
  head = new Uint8Array(0);
  length = new Uint8Array(0);
  #epochMs;

  /** @param {number} epochMs any time near now, Unix ms */
  constructor(epochMs) {
    this.#epochMs = epochMs;
  }

  /** @param {number} fixMs Unix ms */
  secondsOf(fixMs) {
    return (fixMs - this.#epochMs) / 1000;
  }

  /**
   * @param {number} slot @param {number} x @param {number} y world coordinates
   * @param {number} fixMs Unix ms @param {boolean} gap
   */
  push(slot, x, y, fixMs, gap) {
    this.#reserve(slot);
    const last = this.#place(slot, 1);
    if (this.length[slot] > 0 && this.x[last] === x && this.y[last] === y) {
      this.seconds[last] = this.secondsOf(fixMs);
      return;
    }
    if (!gap && this.#isRedundant(slot, x, y, fixMs)) {
      this.#write(this.#place(slot, 1), x, y, fixMs, false);
      return;
    }
    const place = slot * TRAIL_POINTS + this.head[slot];
    this.#write(place, x, y, fixMs, gap || this.length[slot] === 0);
    this.head[slot] = (this.head[slot] + 1) % TRAIL_POINTS;
    if (this.length[slot] < TRAIL_POINTS) this.length[slot] += 1;
  }

  /**
   * Puts older points before those that are there.
   * @param {number} slot
   * @param {{x: number, y: number, ms: number, gap: boolean}[]} older in order of time
   */
  backfill(slot, older) {
    /** @type {{x: number, y: number, ms: number, gap: boolean}[]} */
    const known = [];
    this.backwards(slot, -Infinity, (x, y, seconds, gap) => {
      known.unshift({ x, y, ms: seconds * 1000 + this.#epochMs, gap });
    });
    const first = known[0]?.ms ?? Infinity;
    const added = older.filter(({ ms }) => ms < first);
    // The first point that was seen began a trail; now there is one before it.
    const last = added[added.length - 1];
    if (last && known.length > 0) known[0].gap = known[0].ms - last.ms > GAP_MS;
    this.clear(slot);
    for (const { x, y, ms, gap } of [...added, ...known]) this.push(slot, x, y, ms, gap);
  }

  /** @param {number} slot */
  clear(slot) {
    if (slot < this.length.length) this.length[slot] = 0;
  }

  clearAll() {
    this.length.fill(0);
  }

  /**
   * Calls back from the newest point to the oldest that is not older than a time.
   * @param {number} slot @param {number} sinceMs Unix ms
   * @param {(x: number, y: number, seconds: number, gap: boolean) => void} visit
   * @param {number} [limit] points at most
   */
  backwards(slot, sinceMs, visit, limit = TRAIL_POINTS) {
    if (slot >= this.length.length) return;
    const since = this.secondsOf(sinceMs);
    const count = Math.min(this.length[slot], limit);
    for (let back = 1; back <= count; back += 1) {
      const i = this.#place(slot, back);
      if (this.seconds[i] < since) return;
      visit(this.x[i], this.y[i], this.seconds[i], this.gap[i] === 1);
    }
  }

  /** Index of the point that is `back` places behind the head. */
  #place(/** @type {number} */ slot, /** @type {number} */ back) {
    return slot * TRAIL_POINTS + ((this.head[slot] - back + TRAIL_POINTS) % TRAIL_POINTS);
  }

  /** True when the newest point lies on the way from the one before it to this one. */
  #isRedundant(
    /** @type {number} */ slot,
    /** @type {number} */ x,
    /** @type {number} */ y,
    /** @type {number} */ fixMs,
  ) {
    if (this.length[slot] < 2) return false;
    const last = this.#place(slot, 1);
    const before = this.#place(slot, 2);
    if (this.gap[last] === 1) return false;
    if (this.secondsOf(fixMs) - this.seconds[before] > STRAIGHT_MS / 1000) return false;
    const first = Math.atan2(this.y[last] - this.y[before], this.x[last] - this.x[before]);
    const second = Math.atan2(y - this.y[last], x - this.x[last]);
    return Math.abs(turnDeg((first * 180) / Math.PI, (second * 180) / Math.PI)) < TURN_DEG;
  }

  /**
   * @param {number} i
   * @param {number} x
   * @param {number} y
   * @param {number} fixMs
   * @param {boolean} gap
   */
  #write(i, x, y, fixMs, gap) {
    this.x[i] = x;
    this.y[i] = y;
    this.seconds[i] = this.secondsOf(fixMs);
    this.gap[i] = gap ? 1 : 0;
  }

  /** @param {number} slot */
  #reserve(slot) {
    if (slot < this.length.length) return;
    const slots = Math.max(256, slot + 1, this.length.length * 2);
    const points = slots * TRAIL_POINTS;
    this.x = grown(this.x, new Float64Array(points));
    this.y = grown(this.y, new Float64Array(points));
    this.seconds = grown(this.seconds, new Float32Array(points));
    this.gap = grown(this.gap, new Uint8Array(points));
    this.head = grown(this.head, new Uint8Array(slots));
    this.length = grown(this.length, new Uint8Array(slots));
  }
}

/**
 * @template {Float64Array | Float32Array | Uint8Array} T
 * @param {T} from @param {T} to @returns {T}
 */
function grown(from, to) {
  to.set(from);
  return to;
}
