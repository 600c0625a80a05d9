/**
 * How often the map is drawn; pure. Sixty times a second while that is cheap, thirty or twelve when
 * a frame costs too much, so that the page stays responsive on a desk without a graphics card.
 */

/** Milliseconds between two draws, by level. */
export const LEVELS_MS = [1000 / 60, 1000 / 30, 1000 / 12];

/** A frame that costs more than this share of a 60 Hz frame leaves too little for the rest. */
export const TOO_DEAR_MS = 12;

/** Below this a frame is cheap enough to try the next higher rate. */
const CHEAP_MS = 7;

/** Frames looked at before the rate changes, so that one hiccup does not. */
const PATIENCE = 20;

/** A frame counts as this at most: a tick's work or a pause of the machine is no trend. */
const WORST_MS = 40;

/** Weight of the newest frame in the running mean. */
const WEIGHT = 0.15;

/** What a slower level may spend: twice as long between frames, but not twice as long blocked. */
const BUDGET_MS = [TOO_DEAR_MS, 26, Infinity];

export class Pace {
  level = 0;
  #mean = 0;
  #frames = 0;
  #lastAt = -Infinity;

  /** Draws a second that are aimed at. */
  get rate() {
    return Math.round(1000 / LEVELS_MS[this.level]);
  }

  /** Mean cost of a frame, ms. */
  get costMs() {
    return this.#mean;
  }

  /** @param {number} now monotonic ms @returns {boolean} whether a draw is due */
  due(now) {
    // Half a display frame of tolerance: animation frames do not come exactly when they should.
    return now - this.#lastAt >= LEVELS_MS[this.level] - 8;
  }

  /** A draw was made. @param {number} now monotonic ms @param {number} costMs */
  spent(now, costMs) {
    this.#lastAt = now;
    this.#mean += WEIGHT * (Math.min(WORST_MS, costMs) - this.#mean);
    this.#frames += 1;
    if (this.#frames < PATIENCE) return;
    if (this.#mean > BUDGET_MS[this.level]) this.#change(1);
    else if (this.level > 0 && this.#mean < CHEAP_MS * this.level) this.#change(-1);
  }

  /** @param {1 | -1} step */
  #change(step) {
    this.level += step;
    this.#frames = 0;
  }
}
