/**
 * The moment that a replay shows, and how it runs: recorded time passes `rate` times as quickly as
 * the viewer's; pure.
 */

/** Recorded seconds in one second. */
export const RATES = [1, 2, 5, 10, 30, 60, 120, 300, 600];

export class Playhead {
  playing = false;
  rate = 10;
  #ms;
  #since = 0;

  /** @param {number} fromMs @param {number} toMs Unix */
  constructor(fromMs, toMs) {
    this.fromMs = fromMs;
    this.toMs = toMs;
    this.#ms = fromMs;
  }

  /** The moment shown, Unix ms; play ends at the end. @param {number} now monotonic ms */
  at(now) {
    if (!this.playing) return this.#ms;
    const ms = this.#ms + Math.max(0, now - this.#since) * this.rate;
    if (ms < this.toMs) return ms;
    this.playing = false;
    this.#ms = this.toMs;
    return this.#ms;
  }

  /** Goes on from here; from the start when the end is reached. @param {number} now */
  play(now) {
    const ms = this.at(now);
    this.#settle(ms >= this.toMs ? this.fromMs : ms, now);
    this.playing = true;
  }

  /** @param {number} now */
  pause(now) {
    this.#settle(this.at(now), now);
    this.playing = false;
  }

  /** @param {number} ms Unix @param {number} now */
  seek(ms, now) {
    this.#settle(Math.max(this.fromMs, Math.min(this.toMs, ms)), now);
  }

  /** @param {number} rate @param {number} now */
  setRate(rate, now) {
    this.#settle(this.at(now), now);
    this.rate = rate;
  }

  /** @param {number} ms @param {number} now */
  #settle(ms, now) {
    this.#ms = ms;
    this.#since = now;
  }
}
