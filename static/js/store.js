/**
 * Every vehicle that this viewer sees, as columns of typed arrays; pure.
 *
 * A vehicle keeps its slot for as long as it is known, also across reconnects, so that its trail,
 * selection and motion go on. The decoder writes between `begin` and `end`; a vehicle that was left
 * and not entered again by then is forgotten. After `end`, `entered`, `moved`, `changed` and `left`
 * say what happened. Positions are exact (1e-6 degree); world coordinates are what the map shows,
 * shifted to the datum of its base layer.
 */
import { UNKNOWN } from "./model.js";
import { distanceM } from "./geo.js";
import { growColumns, makeColumns } from "./columns.js";
import { foldHaystack } from "./fold.js";
import { glideEnd, isGap, progress, turnDeg, turnProgress } from "./motion.js";

/** @typedef {import("./decode.js").EnterRow} EnterRow */
/**
 * Degrees to world x and y, written into `out`.
 * @typedef {(lat: number, lon: number, out: Float64Array) => void} Project
 */

const FIRST_CAPACITY = 256;

const FREE = 0;
const KNOWN = 1;
const DOOMED = 2;

/** Below this a step says nothing about the heading: satellites alone move a parked car so far. */
const HEADING_STEP_M = 4;

export class VehicleStore {
  /** Highest slot in use, plus one: loops run below it and skip what is not alive. */
  size = 0;
  /** Vehicles known. */
  count = 0;
  /** Rises when vehicles come, go or are renamed. */
  membership = 0;
  /** @type {string[]} */ ids = [];
  /** @type {string[]} */ names = [];
  /** @type {string[]} */ devices = [];
  /** @type {import("./fold.js").Haystack[]} */ haystacks = [];
  /** @type {string[]} */ cells = [];
  /** @type {string[]} */ groups = [];
  /** Slots by what the last message did to them. @type {number[]} */ entered = [];
  /** @type {number[]} */ moved = [];
  /** @type {number[]} */ changed = [];
  /** @type {{slot: number, id: string}[]} */ left = [];
  /** Motion: false jumps from fix to fix. */
  smooth = true;
  intervalMs = 1000;

  /** @type {number[]} */ #free = [];
  /** @type {Map<string, number>} */ #byId = new Map();
  /** @type {Map<number, number>} */ #byHandle = new Map();
  #doomed = 0;
  #now = 0;
  #project;
  #clock;
  #point = new Float64Array(2);

  /** @param {Project} project @param {() => number} clock monotonic ms, read once a message */
  constructor(project, clock) {
    this.#project = project;
    this.#clock = clock;
    this.columns = makeColumns(FIRST_CAPACITY);
  }

  /** Slot of a vehicle by its id, or −1. @param {string} id */
  slotOf(id) {
    return this.#byId.get(id) ?? -1;
  }

  /** @param {number} slot */
  isAlive(slot) {
    return slot >= 0 && slot < this.size && this.columns.alive[slot] !== FREE;
  }

  /** Handles belong to one connection: called when another begins. */
  forgetHandles() {
    this.#byHandle.clear();
  }

  begin() {
    this.entered = [];
    this.moved = [];
    this.changed = [];
    this.left = [];
    this.#now = this.#clock();
  }

  /** @param {boolean} reset @param {Set<string>} cells @param {Set<string>} groups */
  view(reset, cells, groups) {
    const { alive } = this.columns;
    for (let slot = 0; slot < this.size; slot += 1) {
      if (alive[slot] !== KNOWN) continue;
      if (reset || !cells.has(this.cells[slot]) || !groups.has(this.groups[slot])) this.#doom(slot);
    }
    if (reset) this.#byHandle.clear();
  }

  /** @param {number} handle */
  leave(handle) {
    const slot = this.#byHandle.get(handle);
    if (slot !== undefined) this.#doom(slot);
  }

  /** @param {EnterRow} row */
  enter(row) {
    const holder = this.#byHandle.get(row.handle);
    if (holder !== undefined && this.ids[holder] !== row.id) this.#doom(holder);
    const before = this.#byId.get(row.id);
    const slot = before ?? this.#allocate(row.id);
    const c = this.columns;
    if (before !== undefined) {
      if (c.alive[slot] === DOOMED) this.#doomed -= 1;
      else if (this.#byHandle.get(c.handle[slot]) === slot) this.#byHandle.delete(c.handle[slot]);
    }
    c.alive[slot] = KNOWN;
    c.handle[slot] = row.handle;
    this.#byHandle.set(row.handle, slot);
    this.cells[slot] = row.cell;
    this.groups[slot] = row.group;
    this.#rename(slot, row);
    this.#setState(slot, row.state, row.sinceMs, row.flags);
    if (before === undefined) this.#appear(slot, row);
    else this.#step(slot, row.lat, row.lon, row.fixMs, row.speed, row.course);
    this.entered.push(slot);
  }

  /**
   * @param {number} handle @param {number} dLat @param {number} dLon @param {number} dFixMs
   * @param {number} speed @param {number} course
   */
  move(handle, dLat, dLon, dFixMs, speed, course) {
    const slot = this.#byHandle.get(handle);
    if (slot === undefined) return false;
    const c = this.columns;
    this.#step(slot, c.lat[slot] + dLat, c.lon[slot] + dLon, c.fixMs[slot] + dFixMs, speed, course);
    return true;
  }

  /** @param {number} handle @param {number} state @param {number} sinceMs @param {number} flags */
  state(handle, state, sinceMs, flags) {
    const slot = this.#byHandle.get(handle);
    if (slot === undefined) return false;
    this.#setState(slot, state, sinceMs, flags);
    this.changed.push(slot);
    return true;
  }

  end() {
    if (this.#doomed === 0) return;
    const { alive } = this.columns;
    for (let slot = 0; slot < this.size; slot += 1) {
      if (alive[slot] !== DOOMED) continue;
      this.left.push({ slot, id: this.ids[slot] });
      this.#byId.delete(this.ids[slot]);
      alive[slot] = FREE;
      this.columns.shown[slot] = 0;
      this.#free.push(slot);
      this.count -= 1;
    }
    this.#doomed = 0;
    this.membership += 1;
  }

  /**
   * Where a vehicle is to be drawn now: writes drawnX, drawnY, drawnCourse.
   * @param {number} slot @param {number} now monotonic ms
   */
  place(slot, now) {
    const c = this.columns;
    const t = progress(now, c.glideStart[slot], c.glideEnd[slot]);
    c.drawnX[slot] = c.fromX[slot] + (c.toX[slot] - c.fromX[slot]) * t;
    c.drawnY[slot] = c.fromY[slot] + (c.toY[slot] - c.fromY[slot]) * t;
    const from = c.fromCourse[slot];
    c.drawnCourse[slot] = from + turnDeg(from, c.toCourse[slot]) * turnProgress(t);
  }

  /** The map's datum changed: world coordinates are worked out anew, without glides. */
  reproject() {
    const c = this.columns;
    for (let slot = 0; slot < this.size; slot += 1) {
      if (c.alive[slot] !== FREE) this.#rest(slot);
    }
  }

  /** @param {number} slot */
  #doom(slot) {
    const c = this.columns;
    if (c.alive[slot] !== KNOWN) return;
    c.alive[slot] = DOOMED;
    this.#doomed += 1;
    if (this.#byHandle.get(c.handle[slot]) === slot) this.#byHandle.delete(c.handle[slot]);
  }

  /** @param {number} slot @param {EnterRow} row */
  #rename(slot, row) {
    if (this.names[slot] === row.name && this.devices[slot] === row.device) return;
    this.names[slot] = row.name;
    this.devices[slot] = row.device;
    this.haystacks[slot] = foldHaystack(row.name, row.device, row.id);
    this.membership += 1;
  }

  /** @param {number} slot @param {number} state @param {number} sinceMs @param {number} flags */
  #setState(slot, state, sinceMs, flags) {
    const c = this.columns;
    c.state[slot] = state;
    c.sinceMs[slot] = sinceMs;
    c.flags[slot] = flags;
  }

  /** First sight of a vehicle: it stands where it is. @param {number} slot @param {EnterRow} row */
  #appear(slot, row) {
    const c = this.columns;
    c.lat[slot] = row.lat;
    c.lon[slot] = row.lon;
    c.fixMs[slot] = row.fixMs;
    c.speed[slot] = row.speed;
    c.course[slot] = row.course;
    c.gap[slot] = 1;
    c.shown[slot] = 1;
    c.toCourse[slot] = row.course === UNKNOWN ? NaN : row.course / 10;
    this.#rest(slot);
  }

  /** Puts a vehicle on its last fix, without a glide. @param {number} slot */
  #rest(slot) {
    const c = this.columns;
    this.#project(c.lat[slot] / 1e6, c.lon[slot] / 1e6, this.#point);
    c.fromX[slot] = c.toX[slot] = this.#point[0];
    c.fromY[slot] = c.toY[slot] = this.#point[1];
    c.fromCourse[slot] = c.toCourse[slot];
    c.glideStart[slot] = c.glideEnd[slot] = this.#now;
    this.place(slot, this.#now);
  }

  /**
   * @param {number} slot @param {number} lat @param {number} lon @param {number} fixMs
   * @param {number} speed @param {number} course
   */
  #step(slot, lat, lon, fixMs, speed, course) {
    const c = this.columns;
    const dFixMs = fixMs - c.fixMs[slot];
    const stepM = distanceM(c.lat[slot] / 1e6, c.lon[slot] / 1e6, lat / 1e6, lon / 1e6);
    c.lat[slot] = lat;
    c.lon[slot] = lon;
    c.fixMs[slot] = fixMs;
    c.speed[slot] = speed;
    c.course[slot] = course;
    if (stepM === 0 && dFixMs === 0) return;
    c.gap[slot] = isGap(stepM, dFixMs) ? 1 : 0;
    this.place(slot, this.#now);
    this.moved.push(slot);
    c.beforeX[slot] = c.toX[slot];
    c.beforeY[slot] = c.toY[slot];
    this.#project(lat / 1e6, lon / 1e6, this.#point);
    this.#head(slot, course, stepM);
    if (c.gap[slot] === 1 || !this.smooth) {
      this.#rest(slot);
      return;
    }
    c.fromX[slot] = c.drawnX[slot];
    c.fromY[slot] = c.drawnY[slot];
    c.fromCourse[slot] = Number.isNaN(c.drawnCourse[slot]) ? c.toCourse[slot] : c.drawnCourse[slot];
    c.toX[slot] = this.#point[0];
    c.toY[slot] = this.#point[1];
    c.glideEnd[slot] = glideEnd(this.#now, c.glideEnd[slot], dFixMs, this.intervalMs);
    c.glideStart[slot] = this.#now;
  }

  /** The heading to turn to: the device's, else that of a step long enough to have one. */
  #head(/** @type {number} */ slot, /** @type {number} */ course, /** @type {number} */ stepM) {
    const c = this.columns;
    if (course !== UNKNOWN) {
      c.toCourse[slot] = course / 10;
    } else if (stepM >= HEADING_STEP_M) {
      const dx = this.#point[0] - c.toX[slot];
      const dy = this.#point[1] - c.toY[slot];
      c.toCourse[slot] = (Math.atan2(dx, -dy) * 180) / Math.PI;
    }
  }

  /** @param {string} id */
  #allocate(id) {
    let slot = this.#free.pop();
    if (slot === undefined) {
      slot = this.size;
      if (slot === this.columns.alive.length) growColumns(this.columns, slot * 2);
      this.size += 1;
    }
    this.ids[slot] = id;
    this.names[slot] = this.devices[slot] = "";
    this.#byId.set(id, slot);
    this.count += 1;
    this.membership += 1;
    return slot;
  }
}
