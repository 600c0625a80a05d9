/**
 * The degrees written at the edges of the map, beside the lines of the graticule.
 *
 * They are page elements and not part of the drawing: they stay at the edge while the map moves.
 */
import { latOf, lonOf, worldSizePx, worldX, worldY } from "./geo.js";
import { label, lines, spacingDeg } from "./graticule.js";

/**
 * Room at each end of an edge that a label leaves free, px: at the left of the upper edge for the
 * labels of the left one, at the bottom of the left one for the scale bar and the attribution.
 */
const ROOM = { left: 64, right: 40, top: 30, bottom: 66 };

/** @typedef {{top: number, right: number, bottom: number, left: number}} Insets px */

export class GraticuleLabels {
  enabled = true;
  /** @type {HTMLElement[]} */ #pool = [];
  #used = 0;

  /**
   * @param {HTMLElement} host over the map
   * @param {() => Insets} insets what docks cover of the map
   * @param {(key: string) => string} translate
   */
  constructor(host, insets, translate) {
    this.host = host;
    this.insets = insets;
    this.translate = translate;
  }

  /** @param {L.Map} map */
  update(map) {
    this.#used = 0;
    if (this.enabled) this.#place(map);
    this.#pool.forEach((element, i) => {
      element.hidden = i >= this.#used;
    });
  }

  /** @param {L.Map} map */
  #place(map) {
    const size = worldSizePx(map.getZoom());
    const origin = map.getPixelOrigin().add(map.containerPointToLayerPoint([0, 0]));
    const extent = map.getSize();
    const inner = this.insets();
    const spacing = spacingDeg(size / 360);
    const letters = {
      north: this.translate("compass.n"),
      south: this.translate("compass.s"),
      east: this.translate("compass.e"),
      west: this.translate("compass.w"),
    };
    const west = lonOf((origin.x + inner.left) / size);
    const east = lonOf((origin.x + extent.x - inner.right) / size);
    for (const lon of lines(west, east, spacing)) {
      const x = worldX(lon) * size - origin.x;
      if (x < inner.left + ROOM.left || x > extent.x - inner.right - ROOM.right) continue;
      this.#put(label(lon, spacing, letters, "lon"), x, inner.top, "lon");
    }
    const north = latOf((origin.y + inner.top) / size);
    const south = latOf((origin.y + extent.y - inner.bottom) / size);
    for (const lat of lines(south, north, spacing)) {
      const y = worldY(lat) * size - origin.y;
      if (y < inner.top + ROOM.top || y > extent.y - inner.bottom - ROOM.bottom) continue;
      this.#put(label(lat, spacing, letters, "lat"), inner.left, y, "lat");
    }
  }

  /** @param {string} text @param {number} x @param {number} y @param {string} axis */
  #put(text, x, y, axis) {
    let element = this.#pool[this.#used];
    if (!element) {
      element = document.createElement("span");
      this.host.append(element);
      this.#pool.push(element);
    }
    this.#used += 1;
    if (element.textContent !== text) element.textContent = text;
    element.className = `degree degree-${axis}`;
    element.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
  }
}
