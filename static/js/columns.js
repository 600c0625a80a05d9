/**
 * The columns of the vehicle store: one typed array per property, all of one length, grown
 * together; pure.
 */

/** The columns and their types. */
const COLUMNS = /** @type {const} */ ({
  handle: Int32Array,
  lat: Int32Array, // 1e-6 degree
  lon: Int32Array,
  speed: Int16Array, // 0.1 km/h, −1 unknown
  course: Int16Array, // 0.1 degree, −1 unknown
  state: Uint8Array,
  flags: Uint8Array,
  fixMs: Float64Array, // Unix ms by the server's clock
  sinceMs: Float64Array,
  alive: Uint8Array, // FREE, KNOWN, DOOMED
  shown: Uint8Array, // 1: passes the filter; written by filter.js
  gap: Uint8Array, // 1: the last step is not to be joined to the one before
  beforeX: Float64Array, // the fix before the last, world coordinates
  beforeY: Float64Array,
  fromX: Float64Array, // world coordinates of the glide
  fromY: Float64Array,
  toX: Float64Array,
  toY: Float64Array,
  fromCourse: Float32Array, // degrees, NaN unknown
  toCourse: Float32Array,
  glideStart: Float64Array, // monotonic ms
  glideEnd: Float64Array,
  drawnX: Float64Array, // where `place` put it last
  drawnY: Float64Array,
  drawnCourse: Float32Array,
});

/**
 * @typedef {{-readonly [K in keyof typeof COLUMNS]: InstanceType<(typeof COLUMNS)[K]>}} Columns
 */

/** @param {number} capacity vehicles @returns {Columns} */
export function makeColumns(capacity) {
  const columns = /** @type {Columns} */ ({});
  growColumns(columns, capacity);
  return columns;
}

/**
 * Makes every column longer in place; what they hold stays.
 * @param {Columns} columns @param {number} capacity vehicles
 */
export function growColumns(columns, capacity) {
  const byName = /** @type {Record<string, any>} */ (columns);
  for (const [name, Type] of Object.entries(COLUMNS)) {
    const grown = new Type(capacity);
    if (byName[name]) grown.set(byName[name]);
    byName[name] = grown;
  }
}
