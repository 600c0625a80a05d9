/**
 * Colours of a replay, read from its style sheet: one per vehicle, one per class of speed.
 */
import { MAX_VEHICLES } from "./place.js";
import { SPEED_CLASSES } from "./thin.js";

/**
 * @typedef {object} ReplayColours
 * @property {string[]} vehicles @property {string[]} speeds slow to fast
 * @property {string} unknown of a speed that was not stated @property {string} gap
 * @property {string} casing under a track @property {string} violet @property {string} onViolet
 * @property {string} text @property {string} faint @property {string} hairline
 * @property {string} surface @property {string} font
 */

/** @param {Element} element @returns {ReplayColours} */
export function readColours(element) {
  const style = getComputedStyle(element);
  const read = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  return {
    vehicles: Array.from({ length: MAX_VEHICLES }, (_, i) => read(`--replay-${i}`)),
    speeds: Array.from({ length: SPEED_CLASSES }, (_, i) => read(`--speed-${i}`)),
    unknown: read("--text-3"),
    gap: read("--text-3"),
    casing: read("--map-text-halo"),
    violet: read("--replay"),
    onViolet: read("--on-replay"),
    text: read("--text-2"),
    faint: read("--text-3"),
    hairline: read("--hairline"),
    surface: read("--surface"),
    font: read("--font"),
  };
}
