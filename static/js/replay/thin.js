/**
 * Fewer points for drawing: a line's lowest and highest value per pixel, and a track's points that
 * are far enough apart to be told apart on the screen; pure.
 */
import { lowerBound } from "./series.js";

/** Upper bounds of the classes of speed but the last, km/h. */
export const SPEED_EDGES = [10, 30, 50, 70, 90, 110];

/** Class of a speed; an unknown one is in none. @param {number} kmh @returns {number} −1: unknown */
export function speedClass(kmh) {
  if (Number.isNaN(kmh)) return -1;
  let place = 0;
  while (place < SPEED_EDGES.length && kmh >= SPEED_EDGES[place]) place += 1;
  return place;
}

/**
 * Lowest and highest speed per pixel; NaN where there is none.
 * @param {import("./series.js").Series} series @param {import("./timescale.js").TimeScale} scale
 * @returns {{low: Float32Array, high: Float32Array}}
 */
export function envelope(series, scale) {
  const width = Math.max(1, Math.floor(scale.width));
  const low = new Float32Array(width).fill(NaN);
  const high = new Float32Array(width).fill(NaN);
  const { t, speed } = series.part;
  const perMs = width / (scale.end - scale.start);
  const first = Math.max(0, lowerBound(t, scale.start, series.size));
  for (let i = first; i < series.size && t[i] <= scale.end; i += 1) {
    const kmh = speed[i];
    if (Number.isNaN(kmh)) continue;
    const px = Math.min(width - 1, Math.floor((t[i] - scale.start) * perMs));
    if (!(low[px] <= kmh)) low[px] = kmh;
    if (!(high[px] >= kmh)) high[px] = kmh;
  }
  return { low, high };
}

/**
 * Walks a track as it is drawn: pieces between points that are at least `apart` away from each
 * other, never across a gap.
 * @param {import("./series.js").Series} series
 * @param {number} apart world units
 * @param {(from: number, to: number, speedClass: number) => void} piece indices of its ends
 * @param {(from: number, to: number) => void} gap
 */
export function walk(series, apart, piece, gap) {
  const { x, y, size } = series;
  const { speed } = series.part;
  let from = 0;
  for (let i = 1; i < size; i += 1) {
    if (series.gapAfter(i - 1)) {
      if (i - 1 > from) piece(from, i - 1, speedClass(speed[i - 1]));
      gap(i - 1, i);
      from = i;
    } else if (i === size - 1 || Math.abs(x[i] - x[from]) + Math.abs(y[i] - y[from]) >= apart) {
      piece(from, i, speedClass(speed[i]));
      from = i;
    }
  }
}
