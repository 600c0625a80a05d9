/**
 * Keeps the driven streets over a reload of the page, in this tab and no longer: they show where
 * vehicles went, and the next person at this desk may not be allowed to see that.
 */

/** @typedef {import("./roads.js").Roads} Roads */

const KEY = "tracker.streets";

/** Pieces kept: 1.3 MB of text, a quarter of what browsers grant. */
const MAX_KEPT = 60_000;

/** Whole numbers that span the world: 2 cm each. */
const SCALE = 2 ** 31;

/** Bytes turned to text at once; more arguments than this a call may refuse. */
const CHUNK = 8192;

/** @param {Roads} roads */
export function saveRoads(roads) {
  const first = Math.max(0, roads.count - MAX_KEPT);
  const numbers = Int32Array.from(roads.ends.subarray(first * 4, roads.count * 4), (v) =>
    Math.round(v * SCALE),
  );
  const bytes = new Uint8Array(numbers.buffer);
  let text = "";
  for (let i = 0; i < bytes.length; i += CHUNK) {
    text += String.fromCharCode(...bytes.subarray(i, i + CHUNK));
  }
  try {
    sessionStorage.setItem(KEY, btoa(text));
  } catch {
    // No room, or no storage: the streets are then driven again.
  }
}

/** @param {Roads} roads to add to */
export function loadRoads(roads) {
  try {
    const text = atob(sessionStorage.getItem(KEY) ?? "");
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    const numbers = new Int32Array(bytes.buffer, 0, Math.floor(bytes.length / 16) * 4);
    for (let i = 0; i < numbers.length; i += 4) {
      roads.add(
        numbers[i] / SCALE,
        numbers[i + 1] / SCALE,
        numbers[i + 2] / SCALE,
        numbers[i + 3] / SCALE,
      );
    }
  } catch {
    // Not what this page wrote: begins without.
  }
}
