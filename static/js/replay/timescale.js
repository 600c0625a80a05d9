/**
 * Time along the width of a timeline: which part of the range is seen, where a moment lies, and
 * where the ruler has its marks; pure.
 */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Distances between marks that people can count with, ms. */
const STEPS = [
  ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR),
  DAY,
];

/** The closest view, ms. */
const CLOSEST = 20 * SECOND;

export class TimeScale {
  /** The part that is seen, Unix ms. */
  start = 0;
  end = 1;
  /** Where it lies, px. */
  left = 0;
  width = 1;

  /** @param {number} fromMs @param {number} toMs Unix; nothing outside is ever seen */
  constructor(fromMs, toMs) {
    this.fromMs = fromMs;
    this.toMs = toMs;
    this.show(fromMs, toMs);
  }

  /** @param {number} start @param {number} end Unix ms */
  show(start, end) {
    const span = Math.min(Math.max(end - start, CLOSEST), this.toMs - this.fromMs);
    this.start = Math.max(this.fromMs, Math.min(start, this.toMs - span));
    this.end = this.start + span;
  }

  /** @param {number} factor above 1: closer @param {number} around moment that stays in place */
  zoom(factor, around) {
    const span = (this.end - this.start) / factor;
    const share = (around - this.start) / (this.end - this.start);
    const clamped = Math.max(0, Math.min(1, share));
    this.show(around - span * clamped, around + span * (1 - clamped));
  }

  /** @param {number} ms how far, later is positive */
  pan(ms) {
    const span = this.end - this.start;
    const start = Math.max(this.fromMs, Math.min(this.toMs - span, this.start + ms));
    this.show(start, start + span);
  }

  /** Moves no further than needed to see a moment. @param {number} ms @returns {boolean} moved */
  reveal(ms) {
    if (ms >= this.start && ms <= this.end) return false;
    const span = this.end - this.start;
    this.show(ms - span * 0.1, ms + span * 0.9);
    return true;
  }

  /** @param {number} ms Unix */
  xOf(ms) {
    return this.left + ((ms - this.start) / (this.end - this.start)) * this.width;
  }

  /** @param {number} x px */
  msOf(x) {
    const ms = this.start + ((x - this.left) / this.width) * (this.end - this.start);
    return Math.max(this.fromMs, Math.min(this.toMs, ms));
  }

  /**
   * Marks on round local times.
   * @param {number} apartPx how far apart at least
   * @param {(ms: number) => number} offsetMs of local time at a moment, east is positive
   * @returns {{step: number, marks: number[]}}
   */
  ticks(apartPx, offsetMs) {
    const span = this.end - this.start;
    const least = (span / this.width) * apartPx;
    const step = STEPS.find((candidate) => candidate >= least) ?? Math.ceil(least / DAY) * DAY;
    const offset = offsetMs(this.start);
    const marks = [];
    let ms = Math.ceil((this.start + offset) / step) * step - offset;
    for (; ms <= this.end; ms += step) marks.push(ms);
    return { step, marks };
  }
}

/** @param {number} ms Unix @returns {number} the viewer's offset from UTC, ms */
export function localOffsetMs(ms) {
  return -new Date(ms).getTimezoneOffset() * MINUTE;
}
