/**
 * The server's clock as the page knows it; pure.
 *
 * A message that was built at server time s and arrives at local time l shows an offset s − l that
 * is too small by the message's way here. The greatest offset of the last messages is therefore the
 * closest to the truth. Local times are those of a monotonic clock (performance.now), so a viewer
 * with a wrong wall clock still sees right ages.
 */

/**
 * Samples kept: half a minute of ticks; enough to meet one quick message, short enough for
 * drift.
 */
const SAMPLES = 30;

export class ServerClock {
  /** @type {number[]} */
  #offsets = [];

  /** @type {number | null} */
  #offset = null;

  /**
   * Takes the server's time of a message that has just come.
   * @param {number} serverMs Unix ms
   * @param {number} localMs monotonic ms
   */
  sample(serverMs, localMs) {
    this.#offsets.push(serverMs - localMs);
    if (this.#offsets.length > SAMPLES) this.#offsets.shift();
    this.#offset = Math.max(...this.#offsets);
  }

  /** Another server may have another clock: forget the samples, keep the offset until the next. */
  reset() {
    this.#offsets = [];
  }

  get known() {
    return this.#offset !== null;
  }

  /**
   * The server's time, Unix ms; the viewer's own until a message has come.
   * @param {number} localMs monotonic ms
   */
  now(localMs) {
    return this.#offset === null ? Date.now() : localMs + this.#offset;
  }
}
