/**
 * Web mercator as fractions of the world, and short distances on the sphere; pure.
 *
 * World coordinates run from 0 to 1: x from 180° W to the east, y from 85.05° N to the south, as
 * tile addresses do. Times 256 × 2^zoom they are Leaflet's pixels.
 */

const RADIANS = Math.PI / 180;

/** Mean radius of the earth (IUGG), metres. */
const EARTH_RADIUS_M = 6_371_008.8;

/** Where web mercator ends, degrees. */
export const MAX_LAT_DEG = 85.0511287798;

/** Side of the world at zoom 0, pixels. */
export const TILE_PX = 256;

/** @param {number} lon degrees */
export function worldX(lon) {
  return (lon + 180) / 360;
}

/** @param {number} lat degrees; clamped to what the projection can show */
export function worldY(lat) {
  const clamped = Math.max(-MAX_LAT_DEG, Math.min(MAX_LAT_DEG, lat));
  const sin = Math.sin(clamped * RADIANS);
  return 0.5 - Math.log((1 + sin) / (1 - sin)) / (4 * Math.PI);
}

/** Longitude in degrees. @param {number} x */
export function lonOf(x) {
  return x * 360 - 180;
}

/** Latitude in degrees. @param {number} y */
export function latOf(y) {
  return (2 * Math.atan(Math.exp((0.5 - y) * 2 * Math.PI)) - Math.PI / 2) / RADIANS;
}

/** Size of the world in pixels at a zoom. @param {number} zoom */
export function worldSizePx(zoom) {
  return TILE_PX * 2 ** zoom;
}

/**
 * Great-circle distance in metres (haversine).
 * @param {number} lat1 @param {number} lon1 @param {number} lat2 @param {number} lon2 degrees
 */
export function distanceM(lat1, lon1, lat2, lon2) {
  const a = Math.sin(((lat2 - lat1) * RADIANS) / 2);
  const b = Math.sin(((lon2 - lon1) * RADIANS) / 2);
  const h = a * a + Math.cos(lat1 * RADIANS) * Math.cos(lat2 * RADIANS) * b * b;
  return 2 * EARTH_RADIUS_M * Math.asin(Math.min(1, Math.sqrt(h)));
}

/** Ground metres that one unit of world coordinates spans at this y. @param {number} y */
export function metresPerWorld(y) {
  return 2 * Math.PI * EARTH_RADIUS_M * Math.cos(latOf(y) * RADIANS);
}
