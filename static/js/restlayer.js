/**
 * A canvas layer that is drawn when the map has come to rest. While the map moves, the margin
 * around it covers what is uncovered; a map that follows a vehicle never rests, so it is also
 * drawn when the margin is used up.
 */
import { CanvasLayer } from "./canvaslayer.js";

/** @typedef {import("./palette.js").Palette} Palette */

/** Room around the map, px. */
const PAD_PX = 240;

/** Share of the margin that may be used up before the layer is drawn anew. */
const USED_UP = 0.6;

export class RestLayer extends CanvasLayer {
  #drawSoon = 0;

  /** @param {string} pane @param {number} zIndex @param {Palette} palette */
  constructor(pane, zIndex, palette) {
    super(pane, PAD_PX, zIndex);
    this.palette = palette;
  }

  /** Draws everything; subclasses say what. */
  redraw() {
    this.beginDraw();
  }

  /** @override @returns {Record<string, L.LeafletEventHandlerFn>} */
  getEvents() {
    return {
      ...super.getEvents(),
      moveend: () => this.redrawIfNeeded(),
      viewreset: () => this.redraw(),
      resize: () => {
        this.resize();
        this.redraw();
      },
    };
  }

  /** @override @param {L.Map} map @returns {this} */
  onAdd(map) {
    super.onAdd(map);
    this.redraw();
    return this;
  }

  /** @param {Palette} palette */
  setPalette(palette) {
    this.palette = palette;
    if (this.map) this.redraw();
  }

  /** Draws with the next animation frame, once, however often it is asked for until then. */
  redrawSoon() {
    if (this.#drawSoon !== 0) return;
    this.#drawSoon = requestAnimationFrame(() => {
      this.#drawSoon = 0;
      // While the map is being zoomed the layer is stretched; it is drawn when that is over.
      if (this.map?.getZoom() === this.drawnZoom) this.redraw();
    });
  }

  redrawIfNeeded() {
    const map = this.mapOf();
    const corner = L.DomUtil.getPosition(this.canvas);
    const wanted = map.containerPointToLayerPoint([-this.pad, -this.pad]);
    const moved = Math.max(Math.abs(wanted.x - corner.x), Math.abs(wanted.y - corner.y));
    if (map.getZoom() !== this.drawnZoom || moved > this.pad * USED_UP) this.redraw();
  }
}
