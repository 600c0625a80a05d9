/**
 * Messages of the live feed, checked and carried over into the vehicle store; pure.
 *
 * Written from docs/live-feed.md. What this version does not know is ignored, as the contract asks;
 * what contradicts the contract raises FeedError, after which the connection is started afresh,
 * since differences cannot be trusted any more.
 */
import { STATES } from "./model.js";

/** @typedef {import("./model.js").TickSummary} TickSummary */
/** @typedef {Record<string, any>} Json */

/** A message that contradicts the contract of the feed. */
export class FeedError extends Error {}

/**
 * What a decoder writes into. All handles are whole, all times absolute Unix ms.
 * @typedef {object} Sink
 * @property {() => void} begin
 * @property {(reset: boolean, cells: Set<string>, groups: Set<string>) => void} view
 * @property {(handle: number) => void} leave
 * @property {(row: EnterRow) => void} enter
 * @property {(handle: number, dLat: number, dLon: number, dFixMs: number, speed: number,
 *   course: number) => boolean} move false: no such handle
 * @property {(handle: number, state: number, sinceMs: number, flags: number) => boolean} state
 * @property {() => void} end
 */

/**
 * @typedef {object} EnterRow
 * @property {number} handle
 * @property {string} cell
 * @property {string} group
 * @property {string} id
 * @property {string} name
 * @property {string} device
 * @property {number} lat 1e-6 degree
 * @property {number} lon 1e-6 degree
 * @property {number} speed 0.1 km/h
 * @property {number} course 0.1 degree
 * @property {number} fixMs
 * @property {number} state our code
 * @property {number} sinceMs
 * @property {number} flags
 */

const ENTER_COLUMNS = [
  "n",
  "id",
  "name",
  "device",
  "lat",
  "lon",
  "speed",
  "course",
  "age",
  "state",
  "since",
  "flags",
];
const MOVE_COLUMNS = ["n", "lat", "lon", "fix", "speed", "course"];
const STATE_COLUMNS = ["n", "state", "since", "flags"];
const TEXT_COLUMNS = new Set(["id", "name", "device"]);

/** @param {unknown} condition @param {string} what @returns {asserts condition} */
function demand(condition, what) {
  if (!condition) throw new FeedError(what);
}

/** @param {string} text @returns {Json} */
export function parseMessage(text) {
  /** @type {unknown} */
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new FeedError("not JSON");
  }
  demand(value !== null && typeof value === "object" && "type" in value, "no type");
  return /** @type {Json} */ (value);
}

/**
 * @param {Json} message of type hello
 * @returns {{version: number, node: string, epoch: string, timeMs: number, intervalMs: number,
 *   stateCodes: number[]}} `stateCodes` gives our code for each code of the server
 */
export function readHello(message) {
  demand(Number.isInteger(message.version), "hello.version");
  demand(Number.isFinite(message.time_ms), "hello.time_ms");
  demand(message.tick_interval_ms > 0, "hello.tick_interval_ms");
  demand(Array.isArray(message.states), "hello.states");
  const stateCodes = message.states.map((/** @type {any} */ name) => STATES.indexOf(name));
  demand(!stateCodes.includes(-1), `hello.states: ${message.states}`);
  return {
    version: message.version,
    node: String(message.node),
    epoch: String(message.epoch),
    timeMs: message.time_ms,
    intervalMs: message.tick_interval_ms,
    stateCodes,
  };
}

/**
 * Checks that the columns are there, equally long and of the right kind; returns their length.
 * @param {Json} columns @param {string[]} names @param {string} where
 */
function checkColumns(columns, names, where) {
  demand(columns !== null && typeof columns === "object", where);
  const length = columns.n?.length;
  for (const name of names) {
    const column = columns[name];
    demand(Array.isArray(column) && column.length === length, `${where}.${name}`);
    const right = TEXT_COLUMNS.has(name)
      ? (/** @type {unknown} */ v) => typeof v === "string"
      : Number.isSafeInteger;
    demand(column.every(right), `${where}.${name}: a value of the wrong kind`);
  }
  return length;
}

/** @param {Json} part @param {number} tickMs @param {number[]} codes @param {Sink} sink */
function applyEnter(part, tickMs, codes, sink) {
  const columns = part.enter;
  const length = checkColumns(columns, ENTER_COLUMNS, "enter");
  let handle = 0;
  for (let i = 0; i < length; i += 1) {
    handle += columns.n[i];
    const state = codes[columns.state[i]];
    demand(state !== undefined, "enter.state");
    sink.enter({
      handle,
      cell: part.cell,
      group: part.group,
      id: columns.id[i],
      name: columns.name[i],
      device: columns.device[i],
      lat: columns.lat[i],
      lon: columns.lon[i],
      speed: columns.speed[i],
      course: columns.course[i],
      fixMs: tickMs - columns.age[i],
      state,
      sinceMs: tickMs - columns.since[i],
      flags: columns.flags[i],
    });
  }
}

/** @param {Json} columns @param {Sink} sink */
function applyMove(columns, sink) {
  const length = checkColumns(columns, MOVE_COLUMNS, "move");
  const { n, lat, lon, fix, speed, course } = columns;
  let handle = 0;
  for (let i = 0; i < length; i += 1) {
    handle += n[i];
    demand(
      sink.move(handle, lat[i], lon[i], fix[i], speed[i], course[i]),
      `move: unknown handle ${handle}`,
    );
  }
}

/** @param {Json} columns @param {number} tickMs @param {number[]} codes @param {Sink} sink */
function applyState(columns, tickMs, codes, sink) {
  const length = checkColumns(columns, STATE_COLUMNS, "state");
  let handle = 0;
  for (let i = 0; i < length; i += 1) {
    handle += columns.n[i];
    const code = codes[columns.state[i]];
    demand(code !== undefined, "state.state");
    const known = sink.state(handle, code, tickMs - columns.since[i], columns.flags[i]);
    demand(known, `state: unknown handle ${handle}`);
  }
}

/** @param {Json} status @param {number[]} codes */
function readCounts(status, codes) {
  const counts = STATES.map(() => 0);
  status.counts?.forEach((/** @type {number} */ count, /** @type {number} */ code) => {
    if (codes[code] !== undefined) counts[codes[code]] = count;
  });
  return counts;
}

/**
 * Works one tick through: view, then every leave, then everything else.
 * @param {Json} message of type tick
 * @param {{intervalMs: number, stateCodes: number[]}} hello
 * @param {Sink} sink
 * @returns {Omit<TickSummary, "first">}
 */
export function applyTick(message, hello, sink) {
  demand(Number.isSafeInteger(message.tick), "tick.tick");
  demand(Array.isArray(message.parts), "tick.parts");
  /** @type {Json[]} */
  const parts = message.parts;
  const status = parts.find((part) => part.kind === "status");
  demand(status, "tick without status");
  demand(Number.isFinite(status.time_ms), "status.time_ms");
  const tickMs = message.tick * hello.intervalMs;
  const cells = parts.filter((part) => part.kind === "cell");

  sink.begin();
  for (const part of parts.filter((p) => p.kind === "view")) {
    demand(Array.isArray(part.cells) && Array.isArray(part.groups), "view");
    sink.view(part.reset === true, new Set(part.cells), new Set(part.groups));
  }
  for (const part of cells) for (const handle of part.leave ?? []) sink.leave(handle);
  for (const part of cells) {
    if (part.enter) applyEnter(part, tickMs, hello.stateCodes, sink);
    if (part.move) applyMove(part.move, sink);
    if (part.state) applyState(part.state, tickMs, hello.stateCodes, sink);
  }
  sink.end();

  return {
    tick: message.tick,
    timeMs: status.time_ms,
    degraded: status.feed === "degraded",
    conflated: status.conflated ?? 0,
    counts: readCounts(status, hello.stateCodes),
    events: parts.filter((p) => p.kind === "events").flatMap((p) => p.events ?? []),
    errors: parts.filter((p) => p.kind === "error").map((p) => `${p.code}: ${p.detail}`),
  };
}
