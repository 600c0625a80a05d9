/**
 * One vehicle's positions in a replay: blocks of columns joined into typed arrays in order of time,
 * and where the vehicle was at any moment; pure.
 */
import { turnDeg } from "../motion.js";

/** Degrees in one unit of a block's coordinates. */
const DEGREES = 1e-6;

/** What a block says of a speed or a course that the device did not state. */
const UNKNOWN = -1;

/**
 * Columns of one vehicle in one block: times and places are differences to the entry before.
 * @typedef {object} BlockColumns
 * @property {number[]} t ms; the first counts from the block's start
 * @property {number[]} lat @property {number[]} lon millionths of a degree
 * @property {number[]} speed @property {number[]} course tenths of km/h and of degrees, or −1
 */

/**
 * @typedef {object} Part
 * @property {Float64Array} t Unix ms @property {Float64Array} lat @property {Float64Array} lon
 * @property {Float32Array} speed km/h, NaN: unknown @property {Float32Array} course degrees, or NaN
 */

/**
 * Where a vehicle was.
 * @typedef {object} Sample
 * @property {"on" | "gap" | "before" | "after" | "loading" | "empty"} state `on`: known; `gap`:
 *   held at the last fix before a silence; `before` and `after` all fixes: held at the first, last
 * @property {number} x @property {number} y world coordinates
 * @property {number} lat @property {number} lon degrees
 * @property {number} speed km/h, or NaN @property {number} course degrees, or NaN
 * @property {number} untilMs of a gap: when the next fix comes, Unix ms, or NaN
 */

/** @param {BlockColumns} columns @param {number} startMs of the block @returns {Part} */
export function readBlock(columns, startMs) {
  const size = columns.t.length;
  const part = emptyPart(size);
  let [t, lat, lon] = [startMs, 0, 0];
  for (let i = 0; i < size; i += 1) {
    part.t[i] = t += columns.t[i];
    part.lat[i] = (lat += columns.lat[i]) * DEGREES;
    part.lon[i] = (lon += columns.lon[i]) * DEGREES;
    part.speed[i] = columns.speed[i] === UNKNOWN ? NaN : columns.speed[i] / 10;
    part.course[i] = columns.course[i] === UNKNOWN ? NaN : columns.course[i] / 10;
  }
  return part;
}

/** @param {number} size @returns {Part} */
function emptyPart(size) {
  return {
    t: new Float64Array(size),
    lat: new Float64Array(size),
    lon: new Float64Array(size),
    speed: new Float32Array(size),
    course: new Float32Array(size),
  };
}

export class Series {
  size = 0;
  /** Silence over which nothing is joined, ms: what the server says. */
  gapMs = 300_000;
  part = emptyPart(0);
  /** World coordinates on the map. */
  x = new Float64Array(0);
  y = new Float64Array(0);
  /** Counts up whenever the arrays are other ones. */
  version = 0;
  /** Highest speed, km/h. */
  topKmh = 0;
  /** @type {Map<number, Part>} */ #parts = new Map();
  /** Blocks that have data and are not here yet. @type {Set<number>} */ #awaited = new Set();

  /**
   * @param {(lat: number, lon: number, out: Float64Array) => void} project
   * @param {number} fromMs @param {number} toMs Unix; positions outside are left out
   * @param {number} blockMs length of a block
   */
  constructor(project, fromMs, toMs, blockMs = 600_000) {
    this.project = project;
    this.fromMs = fromMs;
    this.toMs = toMs;
    this.blockMs = blockMs;
  }

  /** True when every block that was awaited has come. */
  get complete() {
    return this.#awaited.size === 0;
  }

  /** @param {Iterable<number>} blocks that have data */
  await(blocks) {
    this.#awaited = new Set(blocks);
  }

  /** Takes a block; `join` makes it count. @param {number} block @param {Part | null} part */
  take(block, part) {
    this.#awaited.delete(block);
    if (part) this.#parts.set(block, part);
  }

  /** Joins what has come. */
  join() {
    const parts = [...this.#parts.keys()]
      .sort((a, b) => a - b)
      .map((block) => this.#clip(/** @type {Part} */ (this.#parts.get(block))));
    const size = parts.reduce((sum, part) => sum + part.t.length, 0);
    const whole = emptyPart(size);
    let place = 0;
    for (const part of parts) {
      for (const name of /** @type {const} */ (["t", "lat", "lon", "speed", "course"]))
        whole[name].set(part[name], place);
      place += part.t.length;
    }
    this.part = whole;
    this.size = size;
    this.x = new Float64Array(size);
    this.y = new Float64Array(size);
    const out = new Float64Array(2);
    for (let i = 0; i < size; i += 1) {
      this.project(whole.lat[i], whole.lon[i], out);
      this.x[i] = out[0];
      this.y[i] = out[1];
    }
    this.topKmh = whole.speed.reduce((top, kmh) => (kmh > top ? kmh : top), 0);
    this.version += 1;
  }

  /** @param {Part} part @returns {Part} what of it lies in the window */
  #clip(part) {
    const first = lowerBound(part.t, this.fromMs, part.t.length);
    const end = lowerBound(part.t, this.toMs + 1, part.t.length);
    if (first === 0 && end === part.t.length) return part;
    return {
      t: part.t.subarray(first, end),
      lat: part.lat.subarray(first, end),
      lon: part.lon.subarray(first, end),
      speed: part.speed.subarray(first, end),
      course: part.course.subarray(first, end),
    };
  }

  /** Index of the last fix that is not later, or −1. @param {number} ms Unix */
  indexAt(ms) {
    return lowerBound(this.part.t, ms + 0.5, this.size) - 1;
  }

  /** True when fix i and the next are not joined. @param {number} i */
  gapAfter(i) {
    return this.part.t[i + 1] - this.part.t[i] > this.gapMs;
  }

  /**
   * Where the vehicle was: between two fixes on the straight line.
   * @param {number} ms Unix @returns {Sample}
   */
  at(ms) {
    const { t, lat, lon, speed, course } = this.part;
    const i = this.indexAt(ms);
    const held = Math.max(0, i);
    const sample = {
      state: /** @type {Sample["state"]} */ ("on"),
      x: this.x[held] ?? NaN,
      y: this.y[held] ?? NaN,
      lat: lat[held] ?? NaN,
      lon: lon[held] ?? NaN,
      speed: speed[held] ?? NaN,
      course: course[held] ?? NaN,
      untilMs: NaN,
    };
    const exact = i >= 0 && Math.abs(t[i] - ms) < 0.5;
    if (exact) return sample;
    if (this.#awaited.has(Math.floor(ms / this.blockMs))) sample.state = "loading";
    else if (this.size === 0) sample.state = "empty";
    else if (i < 0) sample.state = "before";
    else if (i === this.size - 1) sample.state = "after";
    else if (this.gapAfter(i)) sample.state = "gap";
    if (sample.state !== "on") {
      sample.speed = NaN;
      sample.untilMs = t[i + 1] ?? NaN;
      return sample;
    }
    const share = (ms - t[i]) / (t[i + 1] - t[i]);
    sample.x = mix(this.x[i], this.x[i + 1], share);
    sample.y = mix(this.y[i], this.y[i + 1], share);
    sample.lat = mix(lat[i], lat[i + 1], share);
    sample.lon = mix(lon[i], lon[i + 1], share);
    sample.speed = mixKnown(speed[i], speed[i + 1], share);
    sample.course = mixCourse(course[i], course[i + 1], share);
    return sample;
  }
}

/**
 * First index whose time is not before.
 * @param {Float64Array} t @param {number} ms @param {number} size of what is used of it
 */
export function lowerBound(t, ms, size) {
  let low = 0;
  let high = size;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (t[middle] < ms) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** @param {number} a @param {number} b @param {number} share */
function mix(a, b, share) {
  return a + (b - a) * share;
}

/** @param {number} a @param {number} b @param {number} share */
function mixKnown(a, b, share) {
  return Number.isNaN(a) || Number.isNaN(b) ? a : mix(a, b, share);
}

/** By the shorter way round. @param {number} a @param {number} b degrees @param {number} share */
export function mixCourse(a, b, share) {
  if (Number.isNaN(a) || Number.isNaN(b)) return a;
  return (a + turnDeg(a, b) * share + 360) % 360;
}
