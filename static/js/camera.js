/**
 * Where the map looks: the first view, the whole fleet, a vehicle, and following one.
 *
 * Docks cover a part of the map, so "the middle" is the middle of what they leave. Following eases
 * towards the drawn vehicle at every frame; dragging pauses it until the viewer asks again.
 */
import { Datum } from "./datum.js";

/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {import("./graticulelabels.js").Insets} Insets */
/** @typedef {import("./layer.js").VehicleLayer} VehicleLayer */

/** A fleet that stands in one yard is not shown closer than this. */
const FIT_MAX_ZOOM = 15;

/** A vehicle that is shown from far away is shown from here. */
const CLOSE_ZOOM = 14;

/** Time in which following makes up two thirds of a distance, ms. */
const EASE_MS = 260;

/** Further than this, in screens, the map jumps instead of sliding. */
const JUMP_SCREENS = 2;

/** Room between vehicles and the edge of the map when the fleet is fitted, px. */
const MARGIN_PX = 48;

export class Camera {
  /** True once the map shows what it shall: an address, a configured place or the fleet. */
  placed = false;
  #lastFrame = 0;
  #moving = false;

  /**
   * @param {L.Map} map @param {Desk} desk @param {VehicleLayer} layer
   * @param {() => Insets} insets what docks cover @param {boolean} still no camera movement
   */
  constructor(map, desk, layer, insets, still) {
    this.map = map;
    this.desk = desk;
    this.layer = layer;
    this.insets = insets;
    this.still = still;
    map.on("dragstart", () => this.pause());
    map.getContainer().addEventListener("keydown", (event) => {
      if (event.key.startsWith("Arrow")) this.pause();
    });
    desk.follow.subscribe((follow) => {
      map.options.scrollWheelZoom = follow === "on" ? "center" : true;
    });
  }

  /** The viewer took the map: following waits until it is asked for again. */
  pause() {
    if (this.desk.follow.value === "on") this.desk.follow.value = "paused";
  }

  /** Shows every vehicle that passes the filter. @returns {boolean} false: there is none */
  fitFleet(animate = !this.still) {
    const { store } = this.desk;
    const { shown, toX, toY } = store.columns;
    const box = { west: Infinity, east: -Infinity, north: Infinity, south: -Infinity };
    for (let slot = 0; slot < store.size; slot += 1) {
      if (shown[slot] === 0) continue;
      box.west = Math.min(box.west, toX[slot]);
      box.east = Math.max(box.east, toX[slot]);
      box.north = Math.min(box.north, toY[slot]);
      box.south = Math.max(box.south, toY[slot]);
    }
    if (box.west > box.east) return false;
    this.pause();
    const inner = this.insets();
    this.map.fitBounds(
      L.latLngBounds(Datum.latLngOf(box.west, box.south), Datum.latLngOf(box.east, box.north)),
      {
        paddingTopLeft: [inner.left + MARGIN_PX, inner.top + MARGIN_PX],
        paddingBottomRight: [inner.right + MARGIN_PX, inner.bottom + MARGIN_PX],
        maxZoom: FIT_MAX_ZOOM,
        animate,
      },
    );
    this.placed = true;
    return true;
  }

  /** Moves the map no further than needed to see a vehicle. @param {number} slot */
  reveal(slot) {
    const offset = this.#offset(slot);
    if (!offset) return;
    const { free, point } = offset;
    const inside =
      point.x > free.left + MARGIN_PX &&
      point.x < free.right - MARGIN_PX &&
      point.y > free.top + MARGIN_PX &&
      point.y < free.bottom - MARGIN_PX;
    if (inside) return;
    this.#pan(offset.dx, offset.dy);
  }

  /** Puts a vehicle in the middle, near enough to see its surroundings. @param {number} slot */
  centreOn(slot) {
    if (this.map.getZoom() >= CLOSE_ZOOM) {
      const offset = this.#offset(slot);
      if (offset) this.#pan(offset.dx, offset.dy);
      return;
    }
    const { drawnX, drawnY } = this.desk.store.columns;
    const inner = this.insets();
    const target = this.map.project(Datum.latLngOf(drawnX[slot], drawnY[slot]), CLOSE_ZOOM);
    const shift = L.point((inner.right - inner.left) / 2, (inner.bottom - inner.top) / 2);
    this.map.setView(this.map.unproject(target.add(shift), CLOSE_ZOOM), CLOSE_ZOOM, {
      animate: !this.still,
    });
  }

  /** Follows, if the viewer asked for it: called before each draw. @param {number} now */
  frame(now) {
    const elapsed = Math.min(100, now - this.#lastFrame);
    this.#lastFrame = now;
    const slot = this.desk.selectedSlot;
    if (this.desk.follow.value !== "on" || slot < 0 || this.#moving) return;
    this.desk.store.place(slot, now);
    const offset = this.#offset(slot);
    if (!offset) return;
    const size = this.map.getSize();
    const far =
      Math.abs(offset.dx) > size.x * JUMP_SCREENS || Math.abs(offset.dy) > size.y * JUMP_SCREENS;
    const share = far || this.still ? 1 : 1 - Math.exp(-elapsed / EASE_MS);
    const dx = step(offset.dx, share);
    const dy = step(offset.dy, share);
    if (dx !== 0 || dy !== 0) this.map.panBy([dx, dy], { animate: false });
  }

  /** The map is being zoomed: following waits for its end. @param {boolean} moving */
  setMoving(moving) {
    this.#moving = moving;
  }

  /**
   * How far a vehicle is from the middle of what the docks leave of the map.
   * @param {number} slot
   */
  #offset(slot) {
    const size = this.map.getSize();
    if (size.x === 0) return null;
    const inner = this.insets();
    const free = {
      left: inner.left,
      right: size.x - inner.right,
      top: inner.top,
      bottom: size.y - inner.bottom,
    };
    const point = this.layer.pointOf(slot);
    return {
      dx: point.x - (free.left + free.right) / 2,
      dy: point.y - (free.top + free.bottom) / 2,
      point,
      free,
    };
  }

  /** @param {number} dx @param {number} dy px */
  #pan(dx, dy) {
    const size = this.map.getSize();
    const far = Math.abs(dx) > size.x * JUMP_SCREENS || Math.abs(dy) > size.y * JUMP_SCREENS;
    this.map.panBy([Math.round(dx), Math.round(dy)], {
      animate: !far && !this.still,
      duration: 0.35,
    });
  }
}

/** A part of a distance in whole pixels, at least one once it is more than half a pixel away. */
function step(/** @type {number} */ distance, /** @type {number} */ share) {
  const part = distance * share;
  if (Math.abs(distance) < 1) return 0;
  return Math.abs(part) < 1 ? Math.sign(part) : Math.round(part);
}
