/**
 * Draws a replay's timeline: a ruler, the speeds, a lane of trips, stops and gaps for each vehicle,
 * and how many positions each minute has. All stand under each other on one scale of time.
 */
import { lowerBound } from "./series.js";
import { envelope, speedEdges } from "./thin.js";
import { localOffsetMs } from "./timescale.js";

/** @typedef {import("./colours.js").ReplayColours} ReplayColours */
/** @typedef {import("./series.js").Series} Series */
/** @typedef {import("./session.js").Track} Track */
/** @typedef {import("./timescale.js").TimeScale} TimeScale */

const RULER_PX = 20;
const LANE_PX = 12;
const DENSITY_PX = 16;
const SPACE_PX = 6;

/** Marks of the ruler are this far apart at least, px. */
const MARKS_PX = 76;

/** Tops that the speed axis may have, km/h. */
const TOPS = [6, 12, 30, 60, 90, 120, 150, 200, 300, 400];

/** Height of everything but the speeds. @param {number} lanes */
export function fixedHeight(lanes) {
  return RULER_PX + SPACE_PX + lanes * LANE_PX + SPACE_PX + DENSITY_PX;
}

/** End of the speed axis. @param {number} fastest km/h */
function axisTop(fastest) {
  return TOPS.find((top) => top >= fastest) ?? Math.ceil(fastest / 150) * 150;
}

export class Chart {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    this.width = 0;
    this.height = 0;
  }

  /** @param {number} width @param {number} height CSS px */
  resize(width, height) {
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    this.canvas.width = Math.max(1, Math.round(width * ratio));
    this.canvas.height = Math.max(1, Math.round(height * ratio));
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.width = width;
    this.height = height;
  }

  /**
   * @param {Track[]} tracks @param {Track | null} active @param {TimeScale} scale
   * @param {ReplayColours} colours @param {import("../i18n.js").Strings} strings
   */
  draw(tracks, active, scale, colours, strings) {
    const { context } = this;
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.font = `500 10.5px ${colours.font}`;
    const bottom = this.height - fixedHeight(tracks.length) + RULER_PX;
    this.#ruler(scale, bottom, colours, strings);
    const fastest = tracks.reduce((most, { series }) => Math.max(most, series.topKmh), 0);
    const top = axisTop(fastest);
    const y = (/** @type {number} */ kmh) => bottom - (kmh / top) * (bottom - RULER_PX - 4);
    this.#grid(scale, top, y, colours, strings.t("unit.kmh"));
    context.save();
    context.beginPath();
    context.rect(scale.left, 0, scale.width, this.height);
    context.clip();
    if (active) this.#gaps(active, scale, RULER_PX, bottom, colours);
    for (const track of tracks)
      if (track !== active) this.#line(track.series, scale, y, colours.vehicles[track.colour], 1.3);
    if (active)
      this.#activeLine(active, scale, y, top, colours, {
        edges: speedEdges(fastest),
        several: tracks.length > 1,
      });
    tracks.forEach((track, i) => {
      const laneTop = bottom + SPACE_PX + i * LANE_PX;
      this.#lane(track, scale, laneTop, track === active, colours);
    });
    if (active) this.#density(active, scale, colours);
    context.restore();
  }

  /**
   * @param {TimeScale} scale @param {number} bottom of the speeds @param {ReplayColours} colours
   * @param {import("../i18n.js").Strings} strings
   */
  #ruler(scale, bottom, colours, strings) {
    const { context } = this;
    const { step, marks } = scale.ticks(MARKS_PX, localOffsetMs);
    context.textBaseline = "middle";
    context.textAlign = "center";
    for (const ms of marks) {
      const x = Math.round(scale.xOf(ms)) + 0.5;
      const isMidnight = (ms + localOffsetMs(ms)) % 86_400_000 === 0;
      context.fillStyle = colours.hairline;
      context.fillRect(x - 0.5, RULER_PX - 4, 1, bottom - RULER_PX + 4);
      context.fillStyle = isMidnight ? colours.text : colours.faint;
      const text = isMidnight
        ? strings.day(ms)
        : step < 60_000
          ? strings.clock(ms)
          : strings.minute(ms);
      const half = context.measureText(text).width / 2;
      const within = Math.max(half + 2, Math.min(this.width - half - 2, x));
      context.fillText(text, within, RULER_PX / 2);
    }
  }

  /**
   * @param {TimeScale} scale @param {number} top km/h @param {(kmh: number) => number} y
   * @param {ReplayColours} colours @param {string} unit
   */
  #grid(scale, top, y, colours, unit) {
    const { context } = this;
    context.textAlign = "right";
    for (const kmh of [0, top / 3, (2 * top) / 3, top]) {
      const at = Math.round(y(kmh)) + 0.5;
      context.fillStyle = colours.hairline;
      context.globalAlpha = kmh === 0 ? 1 : 0.6;
      context.fillRect(scale.left, at - 0.5, scale.width, 1);
      context.globalAlpha = 1;
      context.fillStyle = colours.faint;
      if (kmh > 0) context.fillText(String(Math.round(kmh)), scale.left - 7, at);
    }
    const { font } = context;
    context.font = `500 9.5px ${colours.font}`;
    context.fillText(unit, scale.left - 4, y(0));
    context.font = font;
  }

  /**
   * Silence is hatched: nothing is known there.
   * @param {Track} track @param {TimeScale} scale @param {number} top @param {number} bottom
   * @param {ReplayColours} colours
   */
  #gaps(track, scale, top, bottom, colours) {
    const { context } = this;
    context.strokeStyle = colours.faint;
    for (const { kind, start, end } of track.pieces) {
      if (kind !== "gap") continue;
      const x1 = Math.max(scale.left, scale.xOf(start));
      const x2 = Math.min(scale.left + scale.width, scale.xOf(end));
      if (x2 - x1 < 1) continue;
      context.save();
      context.beginPath();
      context.rect(x1, top, x2 - x1, bottom - top);
      context.clip();
      context.globalAlpha = 0.22;
      context.lineWidth = 1;
      context.beginPath();
      const height = bottom - top;
      // On one grid of hatches, so that they stand still while the timeline is panned by wholes.
      for (let x = Math.floor((x1 - height) / 7) * 7; x < x2; x += 7) {
        context.moveTo(x, bottom);
        context.lineTo(x + height, top);
      }
      context.stroke();
      context.restore();
    }
  }

  /**
   * @param {Track} track @param {TimeScale} scale @param {(kmh: number) => number} y
   * @param {number} top km/h @param {ReplayColours} colours
   * @param {{edges: number[], several: boolean}} how
   */
  #activeLine(track, scale, y, top, colours, { edges, several }) {
    const gradient = this.context.createLinearGradient(0, y(0), 0, y(top));
    [0, ...edges].forEach((from, i) => {
      const to = edges[i] ?? top;
      const place = (/** @type {number} */ kmh) => Math.min(1, kmh / top);
      gradient.addColorStop(place(from), colours.speeds[i]);
      gradient.addColorStop(place(to), colours.speeds[i]);
    });
    const line = several ? colours.vehicles[track.colour] : gradient;
    this.#line(track.series, scale, y, line, 1.8, gradient);
  }

  /**
   * @param {Series} series @param {TimeScale} scale @param {(kmh: number) => number} y
   * @param {string | CanvasGradient} colour @param {number} width px
   * @param {CanvasGradient} [fill] below the line
   */
  #line(series, scale, y, colour, width, fill) {
    const { t } = series.part;
    const first = Math.max(0, lowerBound(t, scale.start, series.size) - 1);
    const end = Math.min(series.size, lowerBound(t, scale.end, series.size) + 1);
    const runs =
      end - first > 2 * scale.width
        ? envelopeRuns(series, scale, y)
        : fixRuns(series, first, end, scale, y);
    const { context } = this;
    context.lineJoin = "round";
    context.lineWidth = width;
    context.strokeStyle = colour;
    for (const points of runs) {
      const path = new Path2D();
      for (let i = 0; i < points.length; i += 2) path.lineTo(points[i], points[i + 1]);
      if (fill && points.length > 2) {
        const area = new Path2D(path);
        area.lineTo(points[points.length - 2], y(0));
        area.lineTo(points[0], y(0));
        context.fillStyle = fill;
        context.globalAlpha = 0.2;
        context.fill(area);
        context.globalAlpha = 1;
      }
      context.stroke(path);
    }
  }

  /**
   * @param {Track} track @param {TimeScale} scale @param {number} top px @param {boolean} active
   * @param {ReplayColours} colours
   */
  #lane(track, scale, top, active, colours) {
    const { context } = this;
    const height = LANE_PX - 4;
    const colour = colours.vehicles[track.colour];
    for (const { kind, start, end } of track.pieces) {
      const x1 = Math.max(scale.left - 4, scale.xOf(start));
      const x2 = Math.min(scale.left + scale.width + 4, scale.xOf(end));
      if (x2 < scale.left || x1 > scale.left + scale.width) continue;
      const width = Math.max(1.5, x2 - x1 - 1);
      context.fillStyle = colour;
      context.globalAlpha = active ? 1 : 0.75;
      if (kind === "gap") {
        context.fillStyle = colours.faint;
        context.globalAlpha = 0.7;
        for (let x = Math.ceil(x1 / 7) * 7; x < x2 - 3; x += 7)
          context.fillRect(x, top + height / 2 + 1, 3, 1.5);
        continue;
      }
      if (kind === "trip") {
        context.beginPath();
        context.roundRect(x1, top + 2, width, height, 2.5);
        context.fill();
        continue;
      }
      context.globalAlpha *= 0.3;
      context.fillRect(x1, top + 2, width, height);
      context.globalAlpha = 1;
      context.fillRect(x1, top + 2, 3, height);
    }
    context.globalAlpha = 1;
  }

  /** @param {Track} track @param {TimeScale} scale @param {ReplayColours} colours */
  #density(track, scale, colours) {
    const { context, height } = this;
    const bars = densityBars(track, scale);
    const most = Math.max(1, ...bars);
    context.fillStyle = colours.violet;
    context.globalAlpha = 0.6;
    bars.forEach((count, x) => {
      if (count === 0) return;
      const tall = Math.max(1.5, (count / most) * (DENSITY_PX - 2));
      context.fillRect(scale.left + x, height - tall - 1, 1, tall);
    });
    context.globalAlpha = 1;
    context.fillStyle = colours.hairline;
    context.fillRect(scale.left, height - 1, scale.width, 1);
  }
}

/**
 * Positions a minute, by pixel: where several minutes share a pixel, the most of them.
 * @param {Track} track @param {TimeScale} scale @returns {number[]}
 */
function densityBars(track, scale) {
  /** @type {number[]} */
  const bars = new Array(Math.max(1, Math.floor(scale.width))).fill(0);
  for (const { block, minutes } of track.blocks) {
    const minuteMs = track.blockMs / minutes.length;
    minutes.forEach((count, i) => {
      const start = block * track.blockMs + i * minuteMs;
      if (count === 0 || start > scale.end || start + minuteMs < scale.start) return;
      const first = Math.max(0, Math.floor(scale.xOf(start) - scale.left));
      const last = Math.min(
        bars.length - 1,
        Math.max(first, Math.ceil(scale.xOf(start + minuteMs) - scale.left) - 1),
      );
      for (let x = first; x <= last; x += 1) bars[x] = Math.max(bars[x], count);
    });
  }
  return bars;
}

/**
 * Lines through all fixes of a window; each is x, y, x, y, …
 * @param {Series} series @param {number} first @param {number} end indices @param {TimeScale} scale
 * @param {(kmh: number) => number} y @returns {number[][]}
 */
function fixRuns(series, first, end, scale, y) {
  const { t, speed } = series.part;
  /** @type {number[][]} */
  const runs = [];
  let joined = false;
  for (let i = first; i < end; i += 1) {
    if (Number.isNaN(speed[i])) {
      joined = false;
      continue;
    }
    if (!joined) runs.push([]);
    runs[runs.length - 1].push(scale.xOf(t[i]), y(speed[i]));
    joined = !series.gapAfter(i);
  }
  return runs;
}

/**
 * The same with two points per pixel, for windows with more fixes than pixels.
 * @param {Series} series @param {TimeScale} scale @param {(kmh: number) => number} y
 */
function envelopeRuns(series, scale, y) {
  const { low, high } = envelope(series, scale);
  const gapPx = Math.max(1, (series.gapMs / (scale.end - scale.start)) * scale.width);
  /** @type {number[][]} */
  const runs = [];
  let last = -Infinity;
  for (let px = 0; px < low.length; px += 1) {
    if (Number.isNaN(low[px])) continue;
    if (px - last > gapPx) runs.push([]);
    last = px;
    const run = runs[runs.length - 1];
    run.push(scale.left + px + 0.5, y(high[px]));
    if (low[px] !== high[px]) run.push(scale.left + px + 0.5, y(low[px]));
  }
  return runs;
}
