/**
 * The speed of the selected vehicle over the last minutes, as a small filled line.
 */

/** Samples kept: half an hour at one a second. */
const MAX_SAMPLES = 1800;

/** The line covers at least this long, ms, so that two samples do not fill the width. */
const MIN_SPAN_MS = 120_000;

/** The scale reaches at least this high, km/h, so that a standing vehicle's noise stays small. */
const MIN_TOP_KMH = 30;

/** Radius of the dot at the end of the line, px. */
const DOT_PX = 3;

/** Samples further apart are not joined, ms. */
const GAP_MS = 30_000;

export class Sparkline {
  /** @type {{ms: number, kmh: number}[]} */ #samples = [];

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
  }

  get topKmh() {
    return this.#samples.reduce((top, sample) => Math.max(top, sample.kmh), 0);
  }

  clear() {
    this.#samples = [];
  }

  /** How far back the line reaches, ms. @param {number} nowMs by the server's clock */
  spanMs(nowMs) {
    return Math.max(MIN_SPAN_MS, this.#samples.length > 0 ? nowMs - this.#samples[0].ms : 0);
  }

  /** Puts older samples before those that are there. @param {{ms: number, kmh: number}[]} older */
  backfill(older) {
    const first = this.#samples[0]?.ms ?? Infinity;
    this.#samples = [...older.filter(({ ms }) => ms < first), ...this.#samples];
    this.#samples = this.#samples.slice(-MAX_SAMPLES);
  }

  /** @param {number} ms of the fix @param {number} kmh */
  add(ms, kmh) {
    const last = this.#samples[this.#samples.length - 1];
    if (last && ms <= last.ms) return;
    this.#samples.push({ ms, kmh });
    if (this.#samples.length > MAX_SAMPLES) this.#samples.shift();
  }

  /**
   * @param {string} line colour
   * @param {string} grid colour
   * @param {number} nowMs by the server's clock
   */
  draw(line, grid, nowMs) {
    const { canvas } = this;
    const ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (width === 0) return;
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.strokeStyle = grid;
    context.lineWidth = 1;
    context.beginPath();
    for (const y of [0.5, height / 2, height - 0.5]) {
      context.moveTo(0, Math.round(y) + 0.5 - (y === height - 0.5 ? 1 : 0));
      context.lineTo(width, Math.round(y) + 0.5 - (y === height - 0.5 ? 1 : 0));
    }
    context.stroke();
    if (this.#samples.length > 0) this.#plot(context, width, height, line, nowMs);
  }

  /**
   * @param {CanvasRenderingContext2D} context @param {number} width @param {number} height
   * @param {string} colour @param {number} nowMs
   */
  #plot(context, width, height, colour, nowMs) {
    const samples = this.#samples;
    const start = nowMs - this.spanMs(nowMs);
    const top = Math.max(MIN_TOP_KMH, this.topKmh) * 1.1;
    const x = (/** @type {number} */ ms) => ((ms - start) / (nowMs - start)) * (width - 4);
    const y = (/** @type {number} */ kmh) => height - DOT_PX - 1 - (kmh / top) * (height - 7);
    context.lineJoin = "round";
    context.strokeStyle = context.fillStyle = colour;
    let first = 0;
    for (let i = 1; i <= samples.length; i += 1) {
      if (i < samples.length && samples[i].ms - samples[i - 1].ms <= GAP_MS) continue;
      const run = samples.slice(first, i);
      first = i;
      const path = new Path2D();
      run.forEach((sample, k) =>
        k === 0
          ? path.moveTo(x(sample.ms), y(sample.kmh))
          : path.lineTo(x(sample.ms), y(sample.kmh)),
      );
      context.lineWidth = 1.8;
      context.stroke(path);
      path.lineTo(x(run[run.length - 1].ms), height);
      path.lineTo(x(run[0].ms), height);
      context.globalAlpha = 0.16;
      context.fill(path);
      context.globalAlpha = 1;
    }
    const last = samples[samples.length - 1];
    context.beginPath();
    context.arc(Math.min(width - 4, x(last.ms)), y(last.kmh), DOT_PX, 0, 2 * Math.PI);
    context.fill();
  }
}
