/**
 * Fewer points for drawing: a line's lowest and highest value per pixel, and a track's points that
 * are far enough apart to be told apart on the screen; pure.
 */
import { lowerBound } from "./series.js";

/** Classes of speed: as many as there are colours. */
export const SPEED_CLASSES = 7;

/**
 * Upper bounds of the classes but the last, km/h, by the highest speed that they are for: who walks
 * shall not be of one colour.
 */
const EDGES = [
  { upTo: 12, edges: [1, 2, 3, 4, 5, 6] },
  { upTo: 40, edges: [5, 10, 15, 20, 25, 30] },
  { upTo: 80, edges: [10, 20, 30, 40, 50, 60] },
  { upTo: Infinity, edges: [10, 30, 50, 70, 90, 110] },
];

/** Bounds of the classes for speeds up to a highest one. @param {number} topKmh */
export function speedEdges(topKmh) {
  return (EDGES.find(({ upTo }) => topKmh <= upTo) ?? EDGES[EDGES.length - 1]).edges;
}

/**
 * Class of a speed; an unknown one is in none.
 * @param {number} kmh @param {number[]} edges @returns {number} −1: unknown
 */
export function speedClass(kmh, edges) {
  if (Number.isNaN(kmh)) return -1;
  let place = 0;
  while (place < edges.length && kmh >= edges[place]) place += 1;
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
 * @param {(from: number, to: number, kmh: number) => void} piece indices of its ends
 * @param {(from: number, to: number) => void} gap
 */
export function walk(series, apart, piece, gap) {
  const { x, y, size } = series;
  const { speed } = series.part;
  let from = 0;
  for (let i = 1; i < size; i += 1) {
    if (series.gapAfter(i - 1)) {
      if (i - 1 > from) piece(from, i - 1, speed[i - 1]);
      gap(i - 1, i);
      from = i;
    } else if (i === size - 1 || Math.abs(x[i] - x[from]) + Math.abs(y[i] - y[from]) >= apart) {
      piece(from, i, speed[i]);
      from = i;
    }
  }
}
