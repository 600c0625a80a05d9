/**
 * A Leaflet layer that is one canvas as large as the map and a margin around it.
 *
 * Subclasses draw; this class sizes the canvas, lets it ride with the map pane between two draws,
 * scales it during zoom animations and gives subclasses the transform from world coordinates to
 * canvas pixels.
 */
import { worldSizePx } from "./geo.js";

/** A canvas sharper than this costs more than the eye gets. */
const MAX_PIXEL_RATIO = 2;

/**
 * World coordinates to CSS pixels of the canvas: px = x × size − left.
 * @typedef {object} View
 * @property {number} size of the world, px
 * @property {number} left
 * @property {number} top
 * @property {number} width of the canvas, CSS px
 * @property {number} height
 * @property {number} pad margin around the map, px
 * @property {number} zoom
 * @property {number} centreX world x of the map's centre; the nearest copy of the world is drawn
 */

export class CanvasLayer extends L.Layer {
  /**
   * @param {string} pane
   * @param {number} pad margin in CSS pixels
   * @param {number} zIndex of the pane
   */
  constructor(pane, pad, zIndex) {
    super();
    this.paneName = pane;
    this.pad = pad;
    this.zIndex = zIndex;
    this.canvas = document.createElement("canvas");
    this.canvas.className = "leaflet-zoom-animated map-canvas";
    this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    this.ratio = 1;
    /** Where and at which zoom the canvas was drawn. */
    this.drawnZoom = 0;
    this.drawnCorner = L.latLng(0, 0);
  }

  /** @override @param {L.Map} map @returns {this} */
  onAdd(map) {
    this.map = map;
    const pane = map.getPane(this.paneName) ?? map.createPane(this.paneName);
    pane.style.zIndex = String(this.zIndex);
    pane.style.pointerEvents = "none";
    pane.append(this.canvas);
    this.resize();
    return this;
  }

  /** @override @returns {this} */
  onRemove() {
    this.canvas.remove();
    return this;
  }

  /** @override @returns {Record<string, L.LeafletEventHandlerFn>} */
  getEvents() {
    return {
      zoomanim: (event) => {
        const { center, zoom } = /** @type {L.ZoomAnimEvent} */ (event);
        this.stretch(center, zoom);
      },
      zoom: () => this.stretch(this.mapOf().getCenter(), this.mapOf().getZoom()),
      resize: () => this.resize(),
    };
  }

  /** The map; only while the layer is on one. @returns {L.Map} */
  mapOf() {
    if (!this.map) throw new Error(`${this.paneName} is not on a map`);
    return this.map;
  }

  /** Gives the canvas the size of the map; what was drawn is gone. */
  resize() {
    const size = this.mapOf().getSize();
    this.ratio = Math.min(MAX_PIXEL_RATIO, window.devicePixelRatio || 1);
    const width = size.x + 2 * this.pad;
    const height = size.y + 2 * this.pad;
    this.canvas.width = Math.round(width * this.ratio);
    this.canvas.height = Math.round(height * this.ratio);
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
  }

  /**
   * Puts the canvas over the map as it is now, clears it and returns the transform to draw with.
   * @returns {View}
   */
  beginDraw() {
    const map = this.mapOf();
    const corner = map.containerPointToLayerPoint([-this.pad, -this.pad]);
    L.DomUtil.setPosition(this.canvas, corner);
    this.drawnZoom = map.getZoom();
    this.drawnCorner = map.layerPointToLatLng(corner);
    this.context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    return this.viewAt(corner);
  }

  /** The transform of what is on the canvas now, for adding to it. @returns {View} */
  currentView() {
    return this.viewAt(L.DomUtil.getPosition(this.canvas));
  }

  /** @param {L.Point} corner layer point of the canvas's corner @returns {View} */
  viewAt(corner) {
    const map = this.mapOf();
    const origin = map.getPixelOrigin().add(corner);
    const zoom = map.getZoom();
    const size = worldSizePx(zoom);
    const mapSize = map.getSize();
    return {
      size,
      left: origin.x,
      top: origin.y,
      width: mapSize.x + 2 * this.pad,
      height: mapSize.y + 2 * this.pad,
      pad: this.pad,
      zoom,
      centreX: (origin.x + this.pad + mapSize.x / 2) / size,
    };
  }

  /** Fits what was drawn at another zoom to where the map is going. */
  stretch(/** @type {L.LatLng} */ centre, /** @type {number} */ zoom) {
    const map = this.mapOf();
    const scale = map.getZoomScale(zoom, this.drawnZoom);
    const panePosition = map.layerPointToContainerPoint([0, 0]);
    const origin = map
      .project(centre, zoom)
      .subtract(map.getSize().divideBy(2))
      .add(panePosition)
      .round();
    L.DomUtil.setTransform(
      this.canvas,
      map.project(this.drawnCorner, zoom).subtract(origin),
      scale,
    );
  }
}

/** Moves a world x to the copy of the world that lies nearest to another. */
export function nearestCopy(/** @type {number} */ x, /** @type {number} */ centreX) {
  return x + Math.round(centreX - x);
}
