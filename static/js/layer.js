/**
 * The vehicles on the map: the store's markers, their names, the ring of the selected one, and
 * which marker lies under a point.
 */
import { Atlas, RADII } from "./atlas.js";
import { CanvasLayer } from "./canvaslayer.js";
import { HitGrid } from "./hitgrid.js";
import { Labels, offset, shortName } from "./labels.js";
import { Markers, markerSize } from "./markers.js";
import { FLAG_ALARM, MOVING } from "./model.js";
import { ZOOM_MS, zoomEase } from "./motion.js";
import { Scene } from "./scene.js";

/** @typedef {import("./canvaslayer.js").View} View */
/** @typedef {import("./palette.js").Palette} Palette */
/** @typedef {import("./store.js").VehicleStore} VehicleStore */

/** With more markers than this in view there is no room for names. */
const LABELS_UP_TO = 1500;

/** How often names are placed anew, ms. */
const LABELS_EVERY_MS = 250;

/** Room around the map, px: what a quick drag uncovers before the next draw. */
const PAD_PX = 80;

/** Distance of the ring from its marker, px. */
const RING_AWAY_PX = 7;

export class VehicleLayer extends CanvasLayer {
  /** Slot of the selected vehicle, or −1. */
  selected = -1;
  /** Slot under the pointer or of the row under it, or −1. */
  hovered = -1;
  labels = true;
  scene = new Scene();
  /** The view from which the map is being zoomed, and since when. @type {View | null} */
  #zoomFrom = null;
  #zoomedAt = 0;
  #grid = new HitGrid();
  #gridIsFresh = false;
  #labels = new Labels();
  #labelledAt = -Infinity;

  /**
   * @param {VehicleStore} store @param {Palette} palette
   * @param {() => import("./graticulelabels.js").Insets} insets what docks cover of the map
   */
  constructor(store, palette, insets) {
    super("vehicles", PAD_PX, 450);
    this.store = store;
    this.palette = palette;
    this.insets = insets;
    this.markers = new Markers(palette);
    // Markers keep their size while the map is zoomed: they are drawn along, not stretched.
    this.canvas.classList.remove("leaflet-zoom-animated");
  }

  /** @override @returns {Record<string, L.LeafletEventHandlerFn>} */
  getEvents() {
    return {
      zoomanim: () => {
        this.#zoomFrom = this.#viewNow();
        this.#zoomedAt = performance.now();
      },
      zoomend: () => {
        this.#zoomFrom = null;
      },
      resize: () => this.resize(),
    };
  }

  /** Whether the map is being zoomed, so that every frame is another. */
  get zooming() {
    return this.#zoomFrom !== null;
  }

  /** Names on the map now. */
  get labelCount() {
    return this.#labels.places.size;
  }

  /** @param {Palette} palette */
  setPalette(palette) {
    this.palette = palette;
    this.markers.setPalette(palette);
    this.refreshLabels();
  }

  /** Fonts came: names are rendered again. */
  refreshLabels() {
    this.#labels.clear();
    this.#labelledAt = -Infinity;
  }

  /** @param {number} now monotonic ms */
  draw(now) {
    const view = this.#along(this.beginDraw(), now);
    this.scene.collect(this.store, view, now, this.selected);
    this.#gridIsFresh = false;
    const size = markerSize(this.scene.count, view.zoom);
    this.markers.draw(this.context, this.scene, this.markers.atlas(size, this.ratio));
    if (this.labels && this.scene.count <= LABELS_UP_TO && size !== "tiny") {
      this.#drawLabels(view, now, RADII[size]);
    }
    this.#drawEmphasis(this.hovered, view, false);
    this.#drawEmphasis(this.selected, view, true);
  }

  /**
   * The vehicle at a point of the map, or −1.
   * @param {number} x px of the map's container @param {number} y @param {number} reach px
   */
  hit(x, y, reach) {
    if (!this.#gridIsFresh) {
      const { width, height } = this.canvas;
      const { x: xs, y: ys, count } = this.scene;
      this.#grid.build(width / this.ratio, height / this.ratio, xs, ys, count);
      this.#gridIsFresh = true;
    }
    const item = this.#grid.nearest(x + this.pad, y + this.pad, reach);
    return item < 0 ? -1 : this.scene.slots[item];
  }

  /** Where a vehicle was placed last, px of the map's container. @param {number} slot */
  pointOf(slot) {
    const view = this.#viewNow();
    const { drawnX, drawnY } = this.store.columns;
    const x = drawnX[slot] + Math.round(view.centreX - drawnX[slot]);
    return {
      x: x * view.size - view.left - this.pad,
      y: drawnY[slot] * view.size - view.top - this.pad,
    };
  }

  #viewNow() {
    return this.viewAt(this.mapOf().containerPointToLayerPoint([-this.pad, -this.pad]));
  }

  /**
   * The view on the way of a zoom. Leaflet is at its end from the start and lets the browser move
   * the layers there: every point goes straight from its old place to its new one.
   * @param {View} to @param {number} now @returns {View}
   */
  #along(to, now) {
    const from = this.#zoomFrom;
    if (!from) return to;
    const share = zoomEase(Math.min(1, (now - this.#zoomedAt) / ZOOM_MS));
    const between = (/** @type {number} */ a, /** @type {number} */ b) => a + (b - a) * share;
    return {
      ...to,
      size: between(from.size, to.size),
      left: between(from.left, to.left),
      top: between(from.top, to.top),
      zoom: between(from.zoom, to.zoom),
    };
  }

  /** @param {View} view @param {number} now @param {number} radius */
  #drawLabels(view, now, radius) {
    const { scene, palette, ratio } = this;
    const { names } = this.store;
    if (now - this.#labelledAt >= LABELS_EVERY_MS) {
      this.#labelledAt = now;
      this.#placeLabels(view, radius);
    }
    for (let i = 0; i < scene.count; i += 1) {
      const slot = scene.slots[i];
      const place = this.#labels.places.get(slot);
      if (!place || slot === this.selected) continue;
      const x = scene.x[i] + place.dx;
      const y = scene.y[i] + place.dy;
      this.#labels.draw(this.context, shortName(names[slot]), x, y, palette, ratio, false);
    }
  }

  /** @param {View} view @param {number} radius */
  #placeLabels(view, radius) {
    const { scene } = this;
    const { names } = this.store;
    /** @type {Map<number, [number, number]>} */
    const points = new Map();
    for (let i = 0; i < scene.count; i += 1) points.set(scene.slots[i], [scene.x[i], scene.y[i]]);
    this.#labels.assign(
      this.#ranked(),
      (slot) => points.get(slot) ?? null,
      (slot) => this.#labels.width(shortName(names[slot]), this.palette),
      { width: view.width, height: view.height, radius, inner: this.#readable(view) },
    );
  }

  /** The part of the canvas that is on the screen and under no dock. @param {View} view */
  #readable(view) {
    const { top, right, bottom, left } = this.insets();
    return {
      left: view.pad + left,
      top: view.pad + top,
      right: view.width - view.pad - right,
      bottom: view.height - view.pad - bottom,
    };
  }

  /** Slots in view, those first whose names matter most. */
  #ranked() {
    const { state, flags } = this.store.columns;
    const slots = [...this.scene.slots.subarray(0, this.scene.count)];
    const weight = (/** @type {number} */ slot) =>
      (slot === this.selected ? 8 : 0) +
      (flags[slot] & FLAG_ALARM) +
      (state[slot] === MOVING ? 1 : 0);
    return slots.sort((a, b) => weight(b) - weight(a) || a - b);
  }

  /** The ring and the name of the selected vehicle, or of the one under the pointer. */
  #drawEmphasis(
    /** @type {number} */ slot,
    /** @type {View} */ view,
    /** @type {boolean} */ strong,
  ) {
    if (!this.store.isAlive(slot) || (!strong && slot === this.selected)) return;
    const { context, palette } = this;
    const { drawnX, drawnY, state, flags, drawnCourse } = this.store.columns;
    const x = (drawnX[slot] + Math.round(view.centreX - drawnX[slot])) * view.size - view.left;
    const y = drawnY[slot] * view.size - view.top;
    const size = markerSize(this.scene.count, view.zoom);
    const atlas = this.markers.atlas(size === "tiny" ? "normal" : size, this.ratio);
    const ring = atlas.radius + RING_AWAY_PX;
    context.beginPath();
    context.arc(x, y, ring, 0, 2 * Math.PI);
    context.globalAlpha = strong ? 0.22 : 0.12;
    context.fillStyle = palette.accent;
    context.fill();
    context.globalAlpha = strong ? 1 : 0.7;
    context.lineWidth = strong ? 2.5 : 1.5;
    context.strokeStyle = palette.accent;
    context.stroke();
    context.globalAlpha = 1;
    const alarm = (flags[slot] & FLAG_ALARM) !== 0;
    atlas.draw(context, Atlas.pick(state[slot], drawnCourse[slot], alarm), x, y);
    if (!strong) return;
    const name = shortName(this.store.names[slot]);
    const { dx, dy } = offset(0, 0, ring + 3);
    this.#labels.draw(context, name, x + dx, y + dy, palette, this.ratio, true);
  }
}
