/**
 * Cuts land polygons into cells of a longitude-latitude grid; pure, used by vendor_assets.mjs.
 *
 * Rings are clipped by half-planes (Sutherland and Hodgman, 1974): first into columns, then into
 * rows. A cell is cut a little larger than it is, so that two neighbours overlap and no hairline of
 * sea shows between them; edges on the cut are told from coast by lying on that enlarged border.
 */

/**
 * Side of a cell, degrees. Ten gives some 300 files of 25 KB; five, three times as many
 * requests.
 */
export const LAND_CELL_DEG = 10;

/**
 * How far a cell reaches beyond its border, degrees: a pixel at the lowest zoom that uses cells.
 */
export const LAND_OVERLAP_DEG = 0.02;

/** Web mercator ends here. */
const MAX_LAT_DEG = 85.06;

/** @typedef {[number, number]} Point longitude, latitude in degrees */
/** @typedef {Point[]} Ring */
/** @typedef {Ring[]} Polygon */

/**
 * Keeps the part of a ring on one side of a line of constant longitude (axis 0) or latitude (1).
 * @param {Ring} ring open or closed @param {0 | 1} axis @param {number} limit degrees
 * @param {1 | -1} side 1 keeps what is greater than the limit
 * @returns {Ring}
 */
function clipHalf(ring, axis, limit, side) {
  /** @type {Ring} */
  const kept = [];
  let before = ring[ring.length - 1];
  let beforeInside = (before[axis] - limit) * side >= 0;
  for (const point of ring) {
    const inside = (point[axis] - limit) * side >= 0;
    if (inside !== beforeInside) {
      const t = (limit - before[axis]) / (point[axis] - before[axis]);
      const other = before[1 - axis] + t * (point[1 - axis] - before[1 - axis]);
      kept.push(axis === 0 ? [limit, other] : [other, limit]);
    }
    if (inside) kept.push(point);
    before = point;
    beforeInside = inside;
  }
  return kept;
}

/** @param {Polygon[]} polygons @param {0 | 1} axis @param {number} low @param {number} high */
function clipBand(polygons, axis, low, high) {
  /** @type {Polygon[]} */
  const result = [];
  for (const polygon of polygons) {
    const rings = polygon
      .map((ring) => clipHalf(ring, axis, low, 1))
      .map((ring) => (ring.length > 2 ? clipHalf(ring, axis, high, -1) : ring))
      .filter((ring) => ring.length > 2);
    if (rings.length > 0) result.push(rings);
  }
  return result;
}

/**
 * Makes a ring continuous: world-atlas joins land across the antimeridian, so its longitudes jump.
 * A ring around the pole (Antarctica) does not come back to where it began; it is led along 90° S.
 * @param {Ring} ring @returns {Ring} longitudes may lie beyond ±180°
 */
function unwrap(ring) {
  let turn = 0;
  /** @type {Ring} */
  const points = ring.map(([lon, lat], i) => {
    if (i > 0) {
      const jump = lon - ring[i - 1][0];
      if (jump > 180) turn -= 360;
      else if (jump < -180) turn += 360;
    }
    return [lon + turn, lat];
  });
  const first = points[0];
  const last = points[points.length - 1];
  if (Math.abs(first[0] - last[0]) > 180) points.push([last[0], -90], [first[0], -90]);
  return points;
}

/**
 * Polygons within −180° to 180°, cut at the antimeridian.
 * @param {Polygon[]} polygons as world-atlas has them @returns {Polygon[]}
 */
export function cutAtAntimeridian(polygons) {
  /** @type {Polygon[]} */
  const result = [];
  for (const polygon of polygons) {
    const rings = polygon.map(unwrap);
    for (const shift of [-360, 0, 360]) {
      /** @type {Polygon} */
      const moved = rings.map((ring) => ring.map(([lon, lat]) => [lon + shift, lat]));
      const lons = moved[0].map(([lon]) => lon);
      if (Math.max(...lons) <= -180 || Math.min(...lons) >= 180) continue;
      result.push(...clipBand([moved], 0, -180, 180));
    }
  }
  return result;
}

/**
 * Rounds coordinates, drops repeated points and rings that collapse.
 * @param {Polygon[]} polygons
 */
export function compact(polygons, decimals) {
  const scale = 10 ** decimals;
  /** @param {number} v */
  const round = (v) => Math.round(v * scale) / scale;
  return polygons
    .map((polygon) =>
      polygon
        .map((ring) => {
          /** @type {Ring} */
          const points = [];
          for (const [lon, lat] of ring) {
            const last = points[points.length - 1];
            const next = /** @type {Point} */ ([
              round(lon),
              round(Math.max(-MAX_LAT_DEG, Math.min(MAX_LAT_DEG, lat))),
            ]);
            if (!last || last[0] !== next[0] || last[1] !== next[1]) points.push(next);
          }
          const [first] = points;
          const last = points[points.length - 1];
          if (first[0] !== last[0] || first[1] !== last[1]) points.push(first);
          return points;
        })
        .filter((ring) => ring.length > 3),
    )
    .filter((polygon) => polygon.length > 0);
}

/** True when the polygons are the whole cell and nothing else. */
function fillsCell(polygons, west, south, east, north) {
  return (
    polygons.length === 1 &&
    polygons[0].length === 1 &&
    polygons[0][0].every(
      ([lon, lat]) => (lon === west || lon === east) && (lat === south || lat === north),
    )
  );
}

/**
 * The cells that hold land: name "column_row" (column 0 at 180° W, row 0 at 90° S), its polygons,
 * and whether all of it is land.
 * @param {Polygon[]} polygons @param {number} decimals
 */
export function* clipToCells(polygons, decimals) {
  for (let column = 0; column < 360 / LAND_CELL_DEG; column += 1) {
    const west = -180 + column * LAND_CELL_DEG - LAND_OVERLAP_DEG;
    const east = west + LAND_CELL_DEG + 2 * LAND_OVERLAP_DEG;
    const strip = clipBand(polygons, 0, west, east);
    for (let row = 0; row < 180 / LAND_CELL_DEG; row += 1) {
      const south = Math.max(-MAX_LAT_DEG, -90 + row * LAND_CELL_DEG - LAND_OVERLAP_DEG);
      const north = Math.min(MAX_LAT_DEG, -90 + (row + 1) * LAND_CELL_DEG + LAND_OVERLAP_DEG);
      const cut = compact(clipBand(strip, 1, south, north), decimals);
      if (cut.length === 0) continue;
      const edges = [west, south, east, north].map((v) => Number(v.toFixed(decimals)));
      const solid = fillsCell(cut, edges[0], edges[1], edges[2], edges[3]);
      yield { name: `${column}_${row}`, polygons: cut, solid };
    }
  }
}
