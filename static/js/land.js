/**
 * The land outline at the detail that a zoom can show, loaded piece by piece.
 *
 * Three degrees of detail lie in static/vendor/land (see tools/vendor_assets.mjs): the whole world
 * twice, and the finest in cells of which only those in view are fetched. Until the finer is there
 * the coarser is drawn; where nothing can be loaded the map is plain.
 */
import { assetUrl } from "./config.js";
import { worldX, worldY } from "./geo.js";

/** Zooms from which the finer outlines are worth their bytes. */
const MEDIUM_ZOOM = 4;
const FINE_ZOOM = 7;

/** Cells kept in memory. */
const MAX_CELLS = 120;

/**
 * A polygon in world coordinates with its bounds.
 * @typedef {object} LandPolygon
 * @property {Float64Array[]} rings x, y, x, y, …
 * @property {number} west @property {number} north @property {number} east @property {number} south
 */

/**
 * What is filled in one go, with the border beyond which its edges are cuts and no coast.
 * @typedef {object} LandPiece
 * @property {LandPolygon[]} polygons
 * @property {[number, number, number, number]} cut west, north, east, south
 */

/**
 * World coordinates.
 * @typedef {{west: number, north: number, east: number, south: number}} Bounds
 */

/** A cell overlaps its neighbours by this much; see tools/land_cells.mjs. */
const OVERLAP_DEG = 0.02;
const CUT_TOLERANCE = 1e-6;

/** The whole world is cut at the antimeridian. @type {[number, number, number, number]} */
const WORLD_CUT = [CUT_TOLERANCE, -Infinity, 1 - CUT_TOLERANCE, Infinity];

export class Land {
  /** @type {Map<string, LandPiece | null>} null: being fetched, or not to be had */
  #pieces = new Map();
  /** @type {{cell_deg: number, coast: Set<string>, land: Set<string>} | null} */
  #index = null;
  #onChange;

  /** @param {() => void} onChange called when there is more to draw */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  /**
   * The pieces to draw for a view, the best that are here; fetches better ones.
   * @param {number} zoom @param {Bounds} bounds
   * @returns {LandPiece[]}
   */
  pieces(zoom, bounds) {
    const fine = zoom >= FINE_ZOOM ? this.#cells(bounds) : null;
    if (fine) return fine;
    const coarse = this.#whole("110m");
    const medium = zoom >= MEDIUM_ZOOM ? this.#whole("50m") : null;
    const best = medium ?? coarse;
    return best ? [best] : [];
  }

  /** @param {"110m" | "50m"} scale */
  #whole(scale) {
    const known = this.#pieces.get(scale);
    if (known === undefined) void this.#fetch(scale, `land/${scale}.json`, WORLD_CUT);
    return known ?? null;
  }

  /** The cells of a view, or null while one of them is missing. @param {Bounds} bounds */
  #cells(bounds) {
    if (!this.#index) {
      if (!this.#pieces.has("index")) void this.#fetchIndex();
      return null;
    }
    const { cell_deg: side, coast, land } = this.#index;
    /** @type {LandPiece[]} */
    const pieces = [];
    let complete = true;
    for (const { name, west, south } of cellsIn(bounds, side)) {
      if (land.has(name)) pieces.push(solidPiece(west, south, side));
      if (!coast.has(name)) continue;
      const known = this.#pieces.get(name);
      if (known) pieces.push(known);
      else complete = false;
      if (known === undefined)
        void this.#fetch(name, `land/10m/${name}.json`, cutOf(west, south, side));
    }
    return complete ? pieces : null;
  }

  async #fetchIndex() {
    this.#pieces.set("index", null);
    const index = await fetchJson("land/10m/index.json");
    if (!index) return;
    this.#index = {
      cell_deg: index.cell_deg,
      coast: new Set(index.coast),
      land: new Set(index.land),
    };
    this.#onChange();
  }

  /** @param {string} key @param {string} path @param {LandPiece["cut"]} cut */
  async #fetch(key, path, cut) {
    this.#pieces.set(key, null);
    const feature = await fetchJson(path);
    if (!feature) return;
    this.#pieces.set(key, { polygons: feature.geometry.coordinates.map(toPolygon), cut });
    this.#forget();
    this.#onChange();
  }

  /** Lets the cells go that were fetched first. */
  #forget() {
    const cells = [...this.#pieces.keys()].filter((key) => key.includes("_"));
    for (const key of cells.slice(0, Math.max(0, cells.length - MAX_CELLS)))
      this.#pieces.delete(key);
  }
}

/** @param {string} path below static/vendor @returns {Promise<any>} null when it cannot be had */
async function fetchJson(path) {
  try {
    const response = await fetch(assetUrl(`vendor/${path}`));
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

/** @param {Bounds} bounds @param {number} side degrees */
function cellsIn(bounds, side) {
  const columns = 360 / side;
  const first = Math.floor(bounds.west * columns);
  const last = Math.floor(bounds.east * columns);
  const cells = [];
  for (let row = 0; row < 180 / side; row += 1) {
    const south = -90 + row * side;
    if (worldY(south) < bounds.north || worldY(south + side) > bounds.south) continue;
    for (let column = first; column <= last; column += 1) {
      const wrapped = ((column % columns) + columns) % columns;
      cells.push({ name: `${wrapped}_${row}`, west: -180 + wrapped * side, south });
    }
  }
  return cells;
}

/** @returns {[number, number, number, number]} */
function cutOf(
  /** @type {number} */ west,
  /** @type {number} */ south,
  /** @type {number} */ side,
) {
  return [
    worldX(west - OVERLAP_DEG) + CUT_TOLERANCE,
    worldY(south + side + OVERLAP_DEG) + CUT_TOLERANCE,
    worldX(west + side + OVERLAP_DEG) - CUT_TOLERANCE,
    worldY(south - OVERLAP_DEG) - CUT_TOLERANCE,
  ];
}

/** A cell without coast. @returns {LandPiece} */
function solidPiece(
  /** @type {number} */ west,
  /** @type {number} */ south,
  /** @type {number} */ side,
) {
  const [w, e] = [west - OVERLAP_DEG, west + side + OVERLAP_DEG];
  const [s, n] = [south - OVERLAP_DEG, south + side + OVERLAP_DEG];
  const ring = [
    [w, s],
    [e, s],
    [e, n],
    [w, n],
    [w, s],
  ];
  return { polygons: [toPolygon([ring])], cut: cutOf(west, south, side) };
}

/** @param {number[][][]} rings degrees @returns {LandPolygon} */
function toPolygon(rings) {
  const bounds = { west: Infinity, north: Infinity, east: -Infinity, south: -Infinity };
  const projected = rings.map((ring) => {
    const points = new Float64Array(ring.length * 2);
    ring.forEach(([lon, lat], i) => {
      const x = worldX(lon);
      const y = worldY(lat);
      points[2 * i] = x;
      points[2 * i + 1] = y;
      bounds.west = Math.min(bounds.west, x);
      bounds.east = Math.max(bounds.east, x);
      bounds.north = Math.min(bounds.north, y);
      bounds.south = Math.max(bounds.south, y);
    });
    return points;
  });
  return { rings: projected, ...bounds };
}
