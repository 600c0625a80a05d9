/**
 * Every marker that can be on the map, drawn once onto one canvas: 72 headings of the moving arrow
 * and one picture of each other state, plain and with an alarm's halo.
 *
 * Drawing a vehicle is then one drawImage. States differ in shape as well as in colour: arrow,
 * disc with pause bars, square, open ring, crossed dashed ring.
 */
import { MOVING, OFFLINE, STATES } from "./model.js";

/** @typedef {import("./palette.js").Palette} Palette */

export const HEADINGS = 72;

/** Pictures per plain or alarmed set: the headings, moving without heading, the other states. */
const PER_SET = HEADINGS + STATES.length;

const COLUMNS = 16;

/** Radius of a marker in CSS pixels, by size. */
export const RADII = { tiny: 3.6, small: 7, normal: 10, large: 13 };

/** @typedef {keyof typeof RADII} MarkerSize */

/**
 * Room around a marker for outline and halo, CSS pixels. Every pixel of it is copied with the
 * marker.
 */
const MARGINS_PX = { tiny: 4, small: 8, normal: 9, large: 9 };

/** How far the alarm's halo lies outside the marker, CSS pixels. */
const ALARM_AWAY_PX = { tiny: 2, small: 5, normal: 6, large: 6 };

export class Atlas {
  /**
   * @param {Palette} palette
   * @param {MarkerSize} size
   * @param {number} ratio device pixels per CSS pixel
   */
  constructor(palette, size, ratio) {
    this.palette = palette;
    this.radius = RADII[size];
    /** Side of a picture in CSS pixels. */
    this.side = 2 * (this.radius + MARGINS_PX[size]);
    this.alarmRadius = this.radius + ALARM_AWAY_PX[size];
    this.ratio = ratio;
    this.canvas = document.createElement("canvas");
    const cell = Math.round(this.side * ratio);
    this.cell = cell;
    this.canvas.width = COLUMNS * cell;
    this.canvas.height = Math.ceil(this.count / COLUMNS) * cell;
    const context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    for (let index = 0; index < this.count; index += 1) this.#paint(context, index);
  }

  /** Pictures. */
  get count() {
    return 2 * PER_SET;
  }

  /** Upper left corner of a picture, pixels of the canvas. @param {number} index */
  corner(index) {
    return { x: (index % COLUMNS) * this.cell, y: Math.floor(index / COLUMNS) * this.cell };
  }

  /**
   * Which picture shows a vehicle.
   * @param {number} state @param {number} course degrees, NaN unknown @param {boolean} alarm
   */
  static pick(state, course, alarm) {
    const first = alarm ? PER_SET : 0;
    if (state !== MOVING || Number.isNaN(course)) return first + HEADINGS + state;
    const turn = ((course % 360) + 360) % 360;
    return first + (Math.round((turn / 360) * HEADINGS) % HEADINGS);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} index @param {number} x @param {number} y centre, CSS pixels
   */
  draw(context, index, x, y) {
    const { cell, side } = this;
    const sx = (index % COLUMNS) * cell;
    const sy = ((index / COLUMNS) | 0) * cell;
    context.drawImage(this.canvas, sx, sy, cell, cell, x - side / 2, y - side / 2, side, side);
  }

  /** @param {CanvasRenderingContext2D} context @param {number} index */
  #paint(context, index) {
    const alarm = index >= PER_SET;
    const picture = index % PER_SET;
    const state = picture < HEADINGS ? MOVING : picture - HEADINGS;
    const centre = this.side / 2;
    const corner = this.corner(index);
    context.setTransform(this.ratio, 0, 0, this.ratio, corner.x, corner.y);
    context.translate(centre, centre);
    if (alarm) paintAlarm(context, this.alarmRadius, this.palette);
    if (picture < HEADINGS) {
      context.rotate((picture / HEADINGS) * 2 * Math.PI);
      paintShape(context, "arrow", this.radius, this.palette.states[MOVING], this.palette);
      return;
    }
    const shape = ["disc", "idle", "square", "ring", "crossed"][state];
    paintShape(context, shape, this.radius, this.palette.states[state], this.palette);
  }
}

/** @param {CanvasRenderingContext2D} context @param {number} radius @param {Palette} palette */
function paintAlarm(context, radius, palette) {
  context.beginPath();
  context.arc(0, 0, radius, 0, 2 * Math.PI);
  context.globalAlpha = 0.28;
  context.fillStyle = palette.alarm;
  context.fill();
  context.globalAlpha = 1;
  context.lineWidth = 2.5;
  context.strokeStyle = palette.alarm;
  context.stroke();
}

/** @param {number} r radius */
function arrowPath(r) {
  const path = new Path2D();
  path.moveTo(0, -1.08 * r);
  path.lineTo(0.8 * r, 0.86 * r);
  path.quadraticCurveTo(0.4 * r, 0.7 * r, 0, 0.52 * r);
  path.quadraticCurveTo(-0.4 * r, 0.7 * r, -0.8 * r, 0.86 * r);
  path.closePath();
  return path;
}

/** @param {number} r half side */
function squarePath(r) {
  const path = new Path2D();
  path.roundRect(-r, -r, 2 * r, 2 * r, 0.36 * r);
  return path;
}

/** @param {number} r radius */
function circlePath(r) {
  const path = new Path2D();
  path.arc(0, 0, r, 0, 2 * Math.PI);
  return path;
}

/**
 * Draws one marker around the origin, pointing north.
 * @param {CanvasRenderingContext2D} context @param {string} shape @param {number} r radius
 * @param {string} colour @param {Palette} palette
 */
function paintShape(context, shape, r, colour, palette) {
  context.lineJoin = "round";
  const hollow = shape === "ring" || shape === "crossed";
  const body =
    shape === "arrow"
      ? arrowPath(r)
      : shape === "square"
        ? squarePath(0.72 * r)
        : circlePath(0.78 * r);
  const edge = r < 5 ? 1.2 : 2;
  if (r >= 5) {
    context.lineWidth = 2 * edge + 2;
    context.strokeStyle = palette.halo;
    context.stroke(body);
  }
  context.lineWidth = 2 * edge;
  context.strokeStyle = palette.outline;
  context.stroke(body);
  context.fillStyle = hollow ? palette.outline : colour;
  context.fill(body);
  if (r < 5) {
    if (hollow) {
      context.lineWidth = 1.4;
      context.strokeStyle = colour;
      context.stroke(body);
    }
    return;
  }
  paintInside(context, shape, r, colour, palette, body);
}

/**
 * @param {CanvasRenderingContext2D} context @param {string} shape @param {number} r
 * @param {string} colour @param {Palette} palette @param {Path2D} body
 */
function paintInside(context, shape, r, colour, palette, body) {
  context.strokeStyle = colour;
  context.lineWidth = Math.max(1.8, 0.24 * r);
  if (shape === "ring") context.stroke(body);
  if (shape === "crossed") {
    context.setLineDash([0.5 * r, 0.32 * r]);
    context.stroke(body);
    context.setLineDash([]);
    const d = 0.3 * r;
    context.beginPath();
    context.moveTo(-d, -d);
    context.lineTo(d, d);
    context.moveTo(d, -d);
    context.lineTo(-d, d);
    context.lineCap = "round";
    context.stroke();
    context.lineCap = "butt";
  }
  if (shape === "idle") {
    context.fillStyle = palette.outline;
    const bar = 0.17 * r;
    context.fillRect(-0.3 * r, -0.34 * r, bar * 1.4, 0.68 * r);
    context.fillRect(0.3 * r - bar * 1.4, -0.34 * r, bar * 1.4, 0.68 * r);
  }
}

/** When a marker is drawn, by state: what matters most comes last and lies on top. */
export const DRAW_RANK = STATES.map((_, state) => OFFLINE - state);

/** Rank of a marker with an alarm, above all states. */
export const ALARM_RANK = STATES.length;
