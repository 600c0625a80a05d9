/**
 * Whether to watch everything or only what the map shows; pure.
 *
 * With a fleet that the page can hold, it watches everything, so that the list is complete and
 * moving the map needs no word with the server. With a larger one it asks for the map's bounds
 * and a margin, again only when the map leaves them or becomes much smaller than they are.
 */

/** Up to this many vehicles the page watches them all. */
export const WATCH_ALL_UP_TO = 5000;

/** Below this it goes back to watching all, so that a fleet at the limit does not go to and fro. */
const WATCH_ALL_AGAIN_BELOW = 4500;

/** Margin on each side, as a share of the map. */
const MARGIN = 0.25;

/** A box this many times as large as the map is asked for anew. */
const MUCH_LARGER = 6;

/** @typedef {{west: number, south: number, east: number, north: number}} Box degrees */
/** @typedef {{bbox: [number, number, number, number] | null, zoom?: number} | null} View */

export class Subscription {
  /** True while only a part is watched. */
  narrowed = false;
  /** @type {Box | null} */ #asked = null;

  /**
   * What to ask for now; undefined when nothing needs to be said.
   * @param {number} total vehicles that this viewer may see @param {Box} box of the map
   * @param {number} zoom
   * @returns {View | undefined}
   */
  update(total, box, zoom) {
    this.narrowed = this.narrowed ? total >= WATCH_ALL_AGAIN_BELOW : total > WATCH_ALL_UP_TO;
    if (!this.narrowed) {
      const asked = this.#asked !== null;
      this.#asked = null;
      return asked ? null : undefined;
    }
    if (this.#asked && contains(this.#asked, box) && area(this.#asked) <= MUCH_LARGER * area(box)) {
      return undefined;
    }
    const padded = pad(box);
    this.#asked = padded;
    const round = (/** @type {number} */ degrees) => Number(degrees.toFixed(5));
    const whole = padded.east - padded.west >= 360;
    return {
      bbox: [
        whole ? -180 : round(wrap(padded.west)),
        round(padded.south),
        whole ? 180 : round(wrap(padded.east)),
        round(padded.north),
      ],
      zoom: Math.max(0, Math.min(24, Math.round(zoom))),
    };
  }
}

/** @param {Box} outer @param {Box} inner */
function contains(outer, inner) {
  return (
    outer.west <= inner.west &&
    outer.east >= inner.east &&
    outer.south <= inner.south &&
    outer.north >= inner.north
  );
}

/** @param {Box} box */
function area(box) {
  return (box.east - box.west) * (box.north - box.south);
}

/** @param {Box} box @returns {Box} */
function pad({ west, south, east, north }) {
  const dx = (east - west) * MARGIN;
  const dy = (north - south) * MARGIN;
  return {
    west: west - dx,
    south: Math.max(-90, south - dy),
    east: east + dx,
    north: Math.min(90, north + dy),
  };
}

/** Longitude within −180 to 180. @param {number} lon */
function wrap(lon) {
  return lon >= -180 && lon <= 180 ? lon : ((((lon + 180) % 360) + 360) % 360) - 180;
}
