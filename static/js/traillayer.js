/**
 * Draws the trails of the vehicles in view, fading with age, and the selected one's in full.
 *
 * Drawn a few times a second at most, on a canvas below the markers. With many vehicles in view
 * trails get shorter, and end when there is no longer room for any.
 */
import { CanvasLayer, nearestCopy } from "./canvaslayer.js";
import { TRAIL_MS } from "./trails.js";

/** @typedef {import("./canvaslayer.js").View} View */
/** @typedef {import("./palette.js").Palette} Palette */
/** @typedef {import("./store.js").VehicleStore} VehicleStore */
/** @typedef {import("./trails.js").Trails} Trails */

const PAD_PX = 120;

/** Pieces of line a drawing may have: about 10 ms of work. */
const MAX_PIECES = 9000;

/** Fewer pieces than this are not worth a trail. */
const MIN_POINTS = 4;

/** Steps of fading. */
const FADES = 6;

const STRONGEST = 0.62;

export class TrailLayer extends CanvasLayer {
  enabled = true;
  selected = -1;
  /** Pieces drawn last. */
  pieces = 0;

  /** @param {VehicleStore} store @param {Trails} trails @param {Palette} palette */
  constructor(store, trails, palette) {
    super("trails", PAD_PX, 350);
    this.store = store;
    this.trails = trails;
    this.palette = palette;
  }

  /** How long to wait between two drawings, ms. */
  get everyMs() {
    return this.pieces > MAX_PIECES / 4 ? 1000 : 250;
  }

  /** @param {Palette} palette */
  setPalette(palette) {
    this.palette = palette;
  }

  /** @param {number} serverNow Unix ms */
  draw(serverNow) {
    const view = this.beginDraw();
    const width = view.zoom >= 15 ? 3 : 2.2;
    this.pieces = 0;
    if (this.enabled) {
      const slots = this.#inView(view);
      const limit = Math.floor(MAX_PIECES / Math.max(1, slots.length));
      if (limit >= MIN_POINTS)
        this.#drawAll(slots, limit, serverNow, view, width, this.palette.trail);
    }
    if (this.store.isAlive(this.selected)) {
      this.#drawAll([this.selected], Infinity, serverNow, view, width + 1, this.palette.accent);
    }
  }

  /** @param {View} view */
  #inView(view) {
    const { shown, drawnX, drawnY } = this.store.columns;
    const slots = [];
    for (let slot = 0; slot < this.store.size; slot += 1) {
      if (shown[slot] === 0 || slot === this.selected) continue;
      const x = nearestCopy(drawnX[slot], view.centreX) * view.size - view.left;
      const y = drawnY[slot] * view.size - view.top;
      if (x > 0 && y > 0 && x < view.width && y < view.height) slots.push(slot);
    }
    return slots;
  }

  /**
   * @param {number[]} slots @param {number} limit points of each @param {number} serverNow
   * @param {View} view @param {number} width px @param {string} colour
   */
  #drawAll(slots, limit, serverNow, view, width, colour) {
    const paths = Array.from({ length: FADES }, () => new Path2D());
    for (const slot of slots) this.#trace(slot, limit, serverNow, view, paths);
    const { context } = this;
    context.lineCap = "butt";
    context.lineJoin = "round";
    context.strokeStyle = colour;
    context.lineWidth = width;
    paths.forEach((path, fade) => {
      context.globalAlpha = STRONGEST * (1 - fade / FADES) ** 1.4;
      context.stroke(path);
    });
    context.globalAlpha = 1;
  }

  /**
   * From the drawn marker back in time. The newest point is where the marker is going, so it is not
   * part of the trail yet.
   * @param {number} slot @param {number} limit @param {number} serverNow @param {View} view
   * @param {Path2D[]} paths by age
   */
  #trace(slot, limit, serverNow, view, paths) {
    const { drawnX, drawnY } = this.store.columns;
    const { size, left, top } = view;
    const shift = Math.round(view.centreX - drawnX[slot]);
    const nowS = this.trails.secondsOf(serverNow);
    let x = (drawnX[slot] + shift) * size - left;
    let y = drawnY[slot] * size - top;
    let fade = -1;
    let broken = false;
    let first = true;
    this.trails.backwards(
      slot,
      serverNow - TRAIL_MS,
      (wx, wy, seconds, gap) => {
        const toX = (wx + shift) * size - left;
        const toY = wy * size - top;
        if (first) {
          first = false;
          broken = gap;
          return;
        }
        const age = Math.min(
          FADES - 1,
          Math.max(0, Math.floor(((nowS - seconds) * 1000 * FADES) / TRAIL_MS)),
        );
        if (!broken) {
          if (age !== fade) paths[age].moveTo(x, y);
          paths[age].lineTo(toX, toY);
          this.pieces += 1;
        }
        fade = broken ? -1 : age;
        broken = gap;
        x = toX;
        y = toY;
      },
      limit,
    );
  }
}
