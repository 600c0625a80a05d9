/**
 * Draws the driven streets: all of them when the map has come to rest, new pieces onto the same
 * canvas as they come. A piece has a casing below every other piece, which the composition mode
 * destination-over gives without drawing anything twice.
 */
import { nearestCopy } from "./canvaslayer.js";
import { RestLayer } from "./restlayer.js";

/** @typedef {import("./canvaslayer.js").View} View */
/** @typedef {import("./palette.js").Palette} Palette */
/** @typedef {import("./roads.js").Roads} Roads */

export class RoadLayer extends RestLayer {
  /** @param {Roads} roads @param {Palette} palette */
  constructor(roads, palette) {
    super("roads", 160, palette);
    this.roads = roads;
  }

  /** @override */
  redraw() {
    const view = this.beginDraw();
    this.roads.takeFresh();
    const all = [];
    for (let piece = 0; piece < this.roads.count; piece += 1) {
      if (this.#inView(piece, view)) all.push(piece);
    }
    this.#draw(all, view);
  }

  /** Draws what was driven since the last call. */
  addFresh() {
    const fresh = this.roads.takeFresh();
    const map = this.mapOf();
    if (fresh.length === 0 || map.getZoom() !== this.drawnZoom) return;
    const view = this.currentView();
    this.#draw(
      fresh.filter((piece) => this.#inView(piece, view)),
      view,
    );
  }

  /** @param {number} piece @param {View} view */
  #inView(piece, view) {
    const x = nearestCopy(this.roads.ends[4 * piece], view.centreX) * view.size - view.left;
    const y = this.roads.ends[4 * piece + 1] * view.size - view.top;
    return x > -50 && y > -50 && x < view.width + 50 && y < view.height + 50;
  }

  /** @param {number[]} pieces @param {View} view */
  #draw(pieces, view) {
    const { context, palette } = this;
    const quiet = new Path2D();
    const busy = new Path2D();
    for (const piece of pieces) {
      const { ends } = this.roads;
      const path = this.roads.isBusy(piece) ? busy : quiet;
      const x1 = nearestCopy(ends[4 * piece], view.centreX);
      const x2 = x1 + ends[4 * piece + 2] - ends[4 * piece];
      path.moveTo(x1 * view.size - view.left, ends[4 * piece + 1] * view.size - view.top);
      path.lineTo(x2 * view.size - view.left, ends[4 * piece + 3] * view.size - view.top);
    }
    const width = roadWidthPx(view.zoom);
    context.lineCap = context.lineJoin = "round";
    context.lineWidth = width;
    context.strokeStyle = palette.road;
    context.stroke(quiet);
    context.strokeStyle = palette.roadBright;
    context.stroke(busy);
    if (width < 2) return;
    context.globalCompositeOperation = "destination-over";
    context.strokeStyle = palette.casing;
    context.lineWidth = width + 2;
    context.stroke(quiet);
    context.stroke(busy);
    context.globalCompositeOperation = "source-over";
  }
}

/** Streets are some ten metres wide, but never thinner than can be seen. @param {number} zoom */
export function roadWidthPx(zoom) {
  return Math.min(16, Math.max(1.2, 4 * 2 ** ((zoom - 14) * 0.55)));
}
