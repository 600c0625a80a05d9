/**
 * How a marker gets from one fix to the next; pure.
 *
 * A new fix starts a glide from where the marker is drawn to the fix, a little longer than a tick,
 * so that the next fix arrives before the glide is over: the marker is drawn about one tick behind
 * and never further along than the vehicle was. Ends of glides keep the rhythm of the fixes
 * themselves, which takes out the jitter of ticks. When no fix comes the marker holds; nothing is
 * extrapolated. A step that no vehicle could make is jumped.
 */

/** Length of a glide in ticks. The part above one is the slack for a tick that comes late. */
export const GLIDE_TICKS = 1.15;

/** How far a glide's end may be off that length to keep the rhythm of the fixes, in ticks. */
const RHYTHM_SLACK_TICKS = 0.6;

/** How much of the way back to its ideal length a glide takes. */
const RHYTHM_PULL = 0.15;

/** Faster than this between two fixes is an error of position, not a drive: 360 km/h. */
export const PLAUSIBLE_M_PER_S = 100;

/** Fixes further apart in time than this are not joined: what lies between them is not known. */
export const GAP_MS = 180_000;

/**
 * When a glide that starts now shall end.
 * @param {number} now monotonic ms
 * @param {number} previousEnd of the glide before, monotonic ms
 * @param {number} dFixMs time between the two fixes
 * @param {number} intervalMs of a tick
 */
export function glideEnd(now, previousEnd, dFixMs, intervalMs) {
  const ideal = now + GLIDE_TICKS * intervalMs;
  const rhythmic = previousEnd + dFixMs;
  if (Math.abs(rhythmic - ideal) > RHYTHM_SLACK_TICKS * intervalMs) return ideal;
  return rhythmic + RHYTHM_PULL * (ideal - rhythmic);
}

/**
 * True when two fixes are not to be joined by a line or a glide.
 * @param {number} distanceM @param {number} dFixMs
 */
export function isGap(distanceM, dFixMs) {
  if (dFixMs > GAP_MS) return true;
  return distanceM > PLAUSIBLE_M_PER_S * Math.max(1, Math.abs(dFixMs) / 1000);
}

/** Signed turn from one heading to another by the shorter way, degrees in (−180, 180]. */
export function turnDeg(/** @type {number} */ from, /** @type {number} */ to) {
  const turn = (((to - from) % 360) + 360) % 360;
  return turn > 180 ? turn - 360 : turn;
}

/** Share of a glide that is over at a time, 0 to 1. */
export function progress(
  /** @type {number} */ now,
  /** @type {number} */ start,
  /** @type {number} */ end,
) {
  if (now >= end) return 1;
  return now <= start ? 0 : (now - start) / (end - start);
}

/** How long a zoom of the map takes, and the two inner points of its curve: as leaflet.css says. */
export const ZOOM_MS = 250;
const ZOOM_X = [0, 0.25];
const ZOOM_Y = [0, 1];

/**
 * How far a zoom is at a share of its time: the style sheet's cubic-bezier, solved by bisection.
 * @param {number} t share of the time, 0 to 1
 */
export function zoomEase(t) {
  const bezier = (/** @type {number} */ s, /** @type {number[]} */ [a, b]) =>
    3 * (1 - s) ** 2 * s * a + 3 * (1 - s) * s * s * b + s ** 3;
  let low = 0;
  let high = 1;
  for (let i = 0; i < 20; i += 1) {
    const middle = (low + high) / 2;
    if (bezier(middle, ZOOM_X) < t) low = middle;
    else high = middle;
  }
  return bezier((low + high) / 2, ZOOM_Y);
}

/**
 * Share of a turn that is over: a vehicle is round the corner before it is through the street.
 * @param {number} t share of the glide
 */
export function turnProgress(t) {
  return Math.min(1, t * 1.6);
}
