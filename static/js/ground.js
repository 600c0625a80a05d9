/**
 * The ground where there is no street map: sea, land, coast and the lines of the graticule.
 *
 * Lines of the graticule are drawn here; their degrees are written by graticulelabels.js.
 */
import { latOf, lonOf, worldX, worldY } from "./geo.js";
import { fineSpacingDeg, lines, spacingDeg } from "./graticule.js";
import { Land } from "./land.js";
import { RestLayer } from "./restlayer.js";

/** @typedef {import("./canvaslayer.js").View} View */
/** @typedef {import("./land.js").Bounds} Bounds */
/** @typedef {import("./land.js").LandPiece} LandPiece */
/** @typedef {import("./palette.js").Palette} Palette */

/**
 * The finest outline is good to about a kilometre. From the first of these zooms on it fades, and
 * from the second there is neither coast nor sea: no map is better than a wrong one.
 */
const FADE_FROM_ZOOM = 10;
const FADE_TO_ZOOM = 12.5;

/**
 * From this zoom on there are fine lines between the others: without streets they show the
 * scale.
 */
const FINE_GRID_ZOOM = 9;

/** Points closer than this on the screen are left out, px. */
const THIN_PX = 0.7;

export class GroundLayer extends RestLayer {
  /** @param {Palette} palette */
  constructor(palette) {
    super("ground", 150, palette);
    this.land = new Land(() => this.redrawSoon());
  }

  /** @override */
  redraw() {
    const view = this.beginDraw();
    const bounds = {
      west: view.left / view.size,
      east: (view.left + view.width) / view.size,
      north: view.top / view.size,
      south: (view.top + view.height) / view.size,
    };
    const { context, palette } = this;
    context.fillStyle = palette.land;
    context.fillRect(0, 0, view.width, view.height);
    const strength = (FADE_TO_ZOOM - view.zoom) / (FADE_TO_ZOOM - FADE_FROM_ZOOM);
    if (strength > 0) {
      context.globalAlpha = Math.min(1, strength);
      context.fillStyle = palette.sea;
      context.fillRect(0, 0, view.width, view.height);
      context.globalAlpha = 1;
      const pieces = this.land.pieces(view.zoom, bounds);
      for (let copy = Math.floor(bounds.west); copy <= Math.floor(bounds.east); copy += 1) {
        for (const piece of pieces) this.#drawPiece(piece, view, copy, Math.min(1, strength));
      }
    }
    this.#drawGraticule(view, bounds);
  }

  /**
   * @param {LandPiece} piece @param {View} view @param {number} copy of the world
   * @param {number} strength of the coast, 0 to 1
   */
  #drawPiece(piece, view, copy, strength) {
    const { context, palette } = this;
    const left = view.left - copy * view.size;
    const west = left / view.size;
    const north = view.top / view.size;
    const east = (left + view.width) / view.size;
    const south = (view.top + view.height) / view.size;
    const fill = new Path2D();
    const coast = new Path2D();
    for (const polygon of piece.polygons) {
      if (polygon.east < west || polygon.west > east) continue;
      if (polygon.south < north || polygon.north > south) continue;
      for (const ring of polygon.rings)
        traceRing(ring, piece.cut, view.size, left, view.top, fill, coast);
    }
    context.fillStyle = palette.land;
    context.fill(fill, "evenodd");
    context.lineJoin = "round";
    context.strokeStyle = palette.coast;
    context.lineWidth = view.zoom < 5 ? 0.8 : 1.4;
    context.globalAlpha = strength;
    context.stroke(coast);
    context.globalAlpha = 1;
  }

  /** @param {View} view @param {Bounds} bounds */
  #drawGraticule(view, bounds) {
    const spacing = spacingDeg(view.size / 360);
    if (view.zoom >= FINE_GRID_ZOOM)
      this.#drawLines(view, bounds, fineSpacingDeg(spacing), this.palette.gridFine);
    this.#drawLines(view, bounds, spacing, this.palette.grid);
  }

  /**
   * @param {View} view
   * @param {Bounds} bounds
   * @param {number} spacing degrees
   * @param {string} colour
   */
  #drawLines(view, bounds, spacing, colour) {
    const { context } = this;
    context.strokeStyle = colour;
    context.lineWidth = 1;
    context.beginPath();
    for (const lon of lines(lonOf(bounds.west), lonOf(bounds.east), spacing)) {
      const x = Math.round(worldX(lon) * view.size - view.left) + 0.5;
      context.moveTo(x, 0);
      context.lineTo(x, view.height);
    }
    for (const lat of lines(latOf(bounds.south), latOf(bounds.north), spacing)) {
      const y = Math.round(worldY(lat) * view.size - view.top) + 0.5;
      context.moveTo(0, y);
      context.lineTo(view.width, y);
    }
    context.stroke();
  }
}

/**
 * Adds a ring to what is filled and, without the edges of the cut, to what is stroked.
 * @param {Float64Array} ring @param {LandPiece["cut"]} cut
 * @param {number} size @param {number} left @param {number} top
 * @param {Path2D} fill @param {Path2D} coast
 */
function traceRing(ring, cut, size, left, top, fill, coast) {
  let lastX = NaN;
  let lastY = NaN;
  let lastOnCut = true;
  for (let i = 0; i < ring.length; i += 2) {
    const x = ring[i] * size - left;
    const y = ring[i + 1] * size - top;
    const last = i + 2 >= ring.length;
    if (!last && Math.abs(x - lastX) < THIN_PX && Math.abs(y - lastY) < THIN_PX) continue;
    const onCut =
      ring[i] <= cut[0] || ring[i] >= cut[2] || ring[i + 1] <= cut[1] || ring[i + 1] >= cut[3];
    if (i === 0) fill.moveTo(x, y);
    else fill.lineTo(x, y);
    if (i === 0 || (onCut && lastOnCut)) coast.moveTo(x, y);
    else coast.lineTo(x, y);
    lastX = x;
    lastY = y;
    lastOnCut = onCut;
  }
  fill.closePath();
}
