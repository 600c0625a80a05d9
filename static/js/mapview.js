/**
 * The map: Leaflet with the ground or a street map, driven streets, trails and vehicles on it, and
 * the loop that draws them.
 */
import { BaseMapLayer } from "./basemap.js";
import { Camera } from "./camera.js";
import { Datum } from "./datum.js";
import { distanceM } from "./geo.js";
import { GraticuleLabels } from "./graticulelabels.js";
import { GroundLayer } from "./ground.js";
import { VehicleLayer } from "./layer.js";
import { REDUCED_MOTION, mapInsets } from "./layout.js";
import { MOVING } from "./model.js";
import { isGap } from "./motion.js";
import { Pace } from "./pace.js";
import { Pointer } from "./pointer.js";
import { RoadLayer } from "./roadlayer.js";
import { loadRoads, saveRoads } from "./roadmemory.js";
import { Roads } from "./roads.js";
import { TrailLayer } from "./traillayer.js";
import { Trails } from "./trails.js";

/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {import("./palette.js").Palette} Palette */

/** After a tick markers move for this many ticks at most (motion.js): the map is drawn so long. */
const BUSY_TICKS = 1.8;

/**
 * A step shorter than this draws no street: satellites alone move a slow vehicle so far. World
 * units.
 */
const ROAD_STEP = 4 / 40_075_017;

const FRAME_MS = 1000 / 60;

export class MapView {
  pace = new Pace();
  trails = new Trails(Date.now());
  roads = new Roads();
  #frames = 0;
  #dirty = true;
  #busyUntil = 0;
  #trailsAt = -Infinity;
  #frameAt = 0;
  #drewLastFrame = false;

  /**
   * @param {Desk} desk @param {Datum} datum @param {Palette} palette
   * @param {{map: HTMLElement, degrees: HTMLElement, tooltip: HTMLElement, dock: HTMLElement,
   *   details: HTMLElement, top: HTMLElement}} elements
   * @param {{drawn: () => void, moved: () => void}} on
   */
  constructor(desk, datum, palette, elements, on) {
    this.desk = desk;
    this.datum = datum;
    this.on = on;
    const { base_map: baseMap } = desk.config;
    const still = REDUCED_MOTION.matches;
    desk.store.smooth = !still;
    this.map = new L.Map(elements.map, {
      zoomControl: false,
      attributionControl: false,
      minZoom: 2,
      maxZoom: Math.max(19, baseMap?.max_zoom ?? 0),
      // Tiles are sharp at whole zooms alone; drawings are at all.
      zoomSnap: baseMap ? 1 : 0.25,
      zoomDelta: 1,
      wheelPxPerZoomLevel: baseMap ? 60 : 100,
      worldCopyJump: true,
      zoomAnimation: !still,
      fadeAnimation: !still,
      inertia: !still,
      center: [20, 10],
      zoom: 2,
    });
    this.attribution = new L.Control.Attribution({ position: "bottomleft", prefix: false });
    this.scale = new L.Control.Scale({ position: "bottomleft", imperial: false, maxWidth: 110 });
    this.map.addControl(this.attribution).addControl(this.scale);
    this.insets = () => mapInsets(elements.map, elements);
    this.vehicles = new VehicleLayer(desk.store, palette, this.insets);
    this.trailLayer = new TrailLayer(desk.store, this.trails, palette);
    this.ground = new GroundLayer(palette);
    this.roadLayer = new RoadLayer(this.roads, palette);
    this.degrees = new GraticuleLabels(elements.degrees, this.insets, (key) => desk.t(key));
    this.baseMap = new BaseMapLayer(this.map, baseMap, () => this.#showGround());
    this.camera = new Camera(this.map, desk, this.vehicles, this.insets, still);
    this.map.addLayer(this.trailLayer).addLayer(this.vehicles);
    if (this.#usesRoads) loadRoads(this.roads);
    const { map, vehicles } = this;
    this.pointer = new Pointer(map, desk, vehicles, elements.tooltip, () => this.touch());
    this.#showGround();
    this.#listen();
    requestAnimationFrame(() => this.#frame());
  }

  /** Draws as soon as possible: something other than time changed. */
  touch() {
    this.#dirty = true;
  }

  /** @param {Palette} palette */
  setPalette(palette) {
    for (const layer of [this.vehicles, this.trailLayer, this.ground, this.roadLayer])
      layer.setPalette(palette);
    this.#trailsAt = -Infinity;
    this.touch();
  }

  /** Works what a tick brought into trails and streets. */
  ticked() {
    const { store } = this.desk;
    const c = store.columns;
    for (const { slot } of store.left) this.trails.clear(slot);
    for (const slot of store.entered)
      this.trails.push(slot, c.toX[slot], c.toY[slot], c.fixMs[slot], c.gap[slot] === 1);
    for (const slot of store.moved) {
      this.trails.push(slot, c.toX[slot], c.toY[slot], c.fixMs[slot], c.gap[slot] === 1);
      if (c.gap[slot] === 0 && c.state[slot] === MOVING) {
        this.#drive(c.beforeX[slot], c.beforeY[slot], c.toX[slot], c.toY[slot]);
      }
    }
    if (this.#usesRoads && !document.hidden) this.roadLayer.addFresh();
    if (store.moved.length > 0) this.#busyUntil = performance.now() + BUSY_TICKS * store.intervalMs;
    this.touch();
  }

  /**
   * Works a stored track into trail and streets.
   * @param {number} slot @param {import("./track.js").TrackPoint[]} points
   */
  addTrack(slot, points) {
    const out = new Float64Array(2);
    /** @type {{x: number, y: number, ms: number, gap: boolean}[]} */
    const older = [];
    points.forEach(({ lat, lon, ms }, i) => {
      const before = points[i - 1];
      this.datum.project(lat, lon, out);
      const gap = !before || isGap(distanceM(before.lat, before.lon, lat, lon), ms - before.ms);
      older.push({ x: out[0], y: out[1], ms, gap });
      if (!gap) this.#drive(older[i - 1].x, older[i - 1].y, out[0], out[1]);
    });
    this.trails.backfill(slot, older);
    if (this.#usesRoads) this.roadLayer.addFresh();
    this.#trailsAt = -Infinity;
    this.touch();
  }

  /**
   * A step that was driven becomes a piece of street; world coordinates.
   * @param {number} x1 @param {number} y1 @param {number} x2 @param {number} y2
   */
  #drive(x1, y1, x2, y2) {
    const step = Math.abs(x2 - x1) + Math.abs(y2 - y1);
    if (this.#usesRoads && step > ROAD_STEP) this.roads.add(x1, y1, x2, y2);
  }

  /** The map's bounds, WGS-84 degrees. */
  box() {
    const bounds = this.map.getBounds();
    const southWest = this.datum.fromMap(bounds.getSouthWest());
    const northEast = this.datum.fromMap(bounds.getNorthEast());
    return { west: southWest.lon, south: southWest.lat, east: northEast.lon, north: northEast.lat };
  }

  /** What the map looks at, for the address. */
  place() {
    return { zoom: this.map.getZoom(), ...this.datum.fromMap(this.map.getCenter()) };
  }

  /** @param {{zoom: number, lat: number, lon: number}} place */
  goTo({ zoom, lat, lon }) {
    this.map.setView(this.datum.toMap(lat, lon), zoom, { animate: false });
    this.camera.placed = true;
  }

  frames() {
    return {
      drawn: this.#frames,
      rate: this.pace.rate,
      costMs: Number(this.pace.costMs.toFixed(2)),
      inView: this.vehicles.scene.count,
      labels: this.vehicles.labelCount,
    };
  }

  /** Streets from what was driven are shown where there is no street map. */
  get #usesRoads() {
    return this.baseMap.state === "none" || this.baseMap.state === "failed";
  }

  #showGround() {
    const { state } = this.baseMap;
    const plain = state !== "shown";
    for (const layer of [this.ground, this.roadLayer]) {
      if (plain) this.map.addLayer(layer);
      else this.map.removeLayer(layer);
    }
    this.degrees.enabled = plain;
    this.degrees.update(this.map);
    this.attribute();
  }

  /** Writes what the map is made of; again when the language changes. */
  attribute() {
    const { state } = this.baseMap;
    const hint = { none: "map.noStreets", failed: "map.unreachable", loading: "", shown: "" }[
      state
    ];
    this.attribution.setPrefix(
      ['<a href="https://leafletjs.com" target="_blank" rel="noopener">Leaflet</a>']
        .concat(state === "shown" ? [] : [this.desk.t("map.outline")])
        .concat(hint === "" ? [] : [`<span class="map-hint">${this.desk.t(hint)}</span>`])
        .join(' <span aria-hidden="true">·</span> '),
    );
  }

  #listen() {
    const { map, desk } = this;
    map.on("move zoom", () => {
      this.degrees.update(map);
      this.touch();
    });
    map.on("moveend", () => {
      this.#trailsAt = -Infinity;
      this.on.moved();
    });
    map.on("resize zoomanim", () => this.touch());
    map.on("zoomstart", () => this.camera.setMoving(true));
    map.on("zoomend", () => this.camera.setMoving(false));
    window.addEventListener("pagehide", () => {
      if (this.#usesRoads) saveRoads(this.roads);
    });
    desk.hovered.subscribe(() => this.touch());
    desk.filtered.subscribe(() => this.touch());
    desk.follow.subscribe(() => this.touch());
    desk.labels.bind((on) => {
      this.vehicles.labels = on;
      this.touch();
    });
    desk.trails.bind((on) => {
      this.trailLayer.enabled = on;
      this.#trailsAt = -Infinity;
      this.touch();
    });
    desk.selected.subscribe(() => {
      this.#trailsAt = -Infinity;
      this.touch();
    });
    document.fonts?.ready.then(() => {
      this.vehicles.refreshLabels();
      this.touch();
    });
  }

  #frame() {
    requestAnimationFrame(() => this.#frame());
    const now = performance.now();
    const gap = now - this.#frameAt;
    this.#frameAt = now;
    const { zooming } = this.vehicles;
    const following = this.desk.follow.value === "on";
    const busy = this.#dirty || zooming || following || now < this.#busyUntil;
    if (!busy || !this.pace.due(now)) {
      this.#drewLastFrame = false;
      return;
    }
    this.#dirty = false;
    this.camera.frame(now);
    this.vehicles.selected = this.trailLayer.selected = this.desk.selectedSlot;
    this.vehicles.hovered = this.desk.hovered.value;
    this.vehicles.draw(now);
    if (!zooming && now - this.#trailsAt >= this.trailLayer.everyMs) {
      this.#trailsAt = now;
      this.trailLayer.draw(this.desk.serverNow());
    }
    this.pointer.update();
    this.#frames += 1;
    // What the script spent is not all: a slow rasteriser shows as a late next frame.
    const late = this.#drewLastFrame ? Math.min(100, gap - FRAME_MS) : 0;
    this.#drewLastFrame = true;
    this.pace.spent(now, Math.max(performance.now() - now, late));
    this.on.drawn();
  }
}
