/**
 * The replayed tracks on the map: lines coloured by speed, gaps as thin dashes, stops as marks.
 * With several vehicles each line lies on a band of its vehicle's colour.
 */
import { nearestCopy } from "../canvaslayer.js";
import { RestLayer } from "../restlayer.js";
import { speedClass, walk } from "./thin.js";

/** @typedef {import("../canvaslayer.js").View} View */
/** @typedef {import("./colours.js").ReplayColours} ReplayColours */
/** @typedef {import("./session.js").Session} Session */
/** @typedef {import("./session.js").Track} Track */

/** Points closer than this on the screen are not told apart, px. */
const APART_PX = 1.5;

/** From this zoom on stops say how long they were. */
const WORDS_ZOOM = 13;

const STOP_RADIUS_PX = 8;

export class TrackLayer extends RestLayer {
  /**
   * Where stops were drawn last, canvas px.
   * @type {{x: number, y: number, track: Track, start: number}[]}
   */
  stops = [];

  /**
   * @param {Session} session @param {import("../palette.js").Palette} palette
   * @param {ReplayColours} colours
   * @param {(lat: number, lon: number, out: Float64Array) => void} project
   * @param {(ms: number) => string} duration in words
   */
  constructor(session, palette, colours, project, duration) {
    super("replay-tracks", 440, palette);
    this.session = session;
    this.colours = colours;
    this.project = project;
    this.duration = duration;
  }

  /** @override */
  redraw() {
    const view = this.beginDraw();
    this.stops = [];
    const { tracks, active } = this.session;
    // The active one lies above the others.
    const ordered = tracks.filter((track) => track !== active.value);
    if (active.value) ordered.push(active.value);
    for (const track of ordered) this.#drawTrack(track, view, tracks.length > 1);
    for (const track of ordered) this.#drawStops(track, view);
  }

  /** @param {Track} track @param {View} view @param {boolean} several */
  #drawTrack(track, view, several) {
    const { series } = track;
    if (series.size === 0) return;
    const { context, colours } = this;
    const shift = nearestCopy(series.x[0], view.centreX) - series.x[0];
    const px = (/** @type {number} */ i) => (series.x[i] + shift) * view.size - view.left;
    const py = (/** @type {number} */ i) => series.y[i] * view.size - view.top;
    const all = new Path2D();
    const gaps = new Path2D();
    const speeds = [...colours.speeds, colours.unknown].map(() => new Path2D());
    const line = (/** @type {Path2D} */ path, /** @type {number} */ a, /** @type {number} */ b) => {
      path.moveTo(px(a), py(a));
      path.lineTo(px(b), py(b));
    };
    const { edges } = this.session;
    let end = -1;
    walk(
      series,
      APART_PX / view.size,
      (from, to, kmh) => {
        const [x1, y1, x2, y2] = [px(from), py(from), px(to), py(to)];
        const isOutside =
          Math.max(x1, x2) < 0 ||
          Math.max(y1, y2) < 0 ||
          Math.min(x1, x2) > view.width ||
          Math.min(y1, y2) > view.height;
        if (isOutside) return;
        if (from !== end) all.moveTo(x1, y1);
        all.lineTo(x2, y2);
        end = to;
        const kind = speedClass(kmh, edges);
        line(speeds[kind < 0 ? colours.speeds.length : kind], from, to);
      },
      (from, to) => {
        // What has not come yet is no gap.
        if (series.complete) line(gaps, from, to);
      },
    );
    const width = view.zoom >= 15 ? 5 : 4;
    context.lineCap = context.lineJoin = "round";
    this.#stroke(all, colours.casing, width + (several ? 7 : 3.5), 0.8);
    if (several) this.#stroke(all, colours.vehicles[track.colour], width + 4.5, 1);
    speeds.forEach((path, kind) => {
      this.#stroke(path, colours.speeds[kind] ?? colours.unknown, width, 1);
    });
    context.setLineDash([2, 6]);
    this.#stroke(gaps, colours.gap, 1.6, 0.9);
    context.setLineDash([]);
    context.globalAlpha = 1;
  }

  /** @param {Path2D} path @param {string} colour @param {number} width px @param {number} alpha */
  #stroke(path, colour, width, alpha) {
    this.context.globalAlpha = alpha;
    this.context.strokeStyle = colour;
    this.context.lineWidth = width;
    this.context.stroke(path);
  }

  /** @param {Track} track @param {View} view */
  #drawStops(track, view) {
    const { context, colours } = this;
    const out = new Float64Array(2);
    for (const { place, start, end } of track.stops) {
      if (!place) continue;
      this.project(place.lat, place.lon, out);
      const x = nearestCopy(out[0], view.centreX) * view.size - view.left;
      const y = out[1] * view.size - view.top;
      if (x < 0 || y < 0 || x > view.width || y > view.height) continue;
      this.stops.push({ x, y, track, start });
      context.beginPath();
      context.arc(x, y, STOP_RADIUS_PX, 0, 2 * Math.PI);
      context.fillStyle = colours.surface;
      context.fill();
      context.strokeStyle = colours.vehicles[track.colour];
      context.lineWidth = 2.5;
      context.stroke();
      context.fillStyle = colours.vehicles[track.colour];
      context.fillRect(x - 3, y - 3, 6, 6);
      if (view.zoom >= WORDS_ZOOM) this.#word(this.duration(end - start), x, y + 12);
    }
  }

  /** @param {string} text @param {number} x @param {number} y of its top, px */
  #word(text, x, y) {
    const { context, palette } = this;
    context.font = `600 11px ${palette.font}`;
    context.textAlign = "center";
    context.textBaseline = "top";
    context.lineJoin = "round";
    context.strokeStyle = palette.textHalo;
    context.lineWidth = 3;
    context.strokeText(text, x, y);
    context.fillStyle = palette.text;
    context.fillText(text, x, y);
  }

  /**
   * What was drawn near a point of the map's container: a stop, or the nearest fix.
   * @param {L.Point} point @param {number} reach px
   * @returns {{track: Track, ms: number} | null}
   */
  hit(point, reach) {
    const map = this.mapOf();
    const { x, y } = map
      .containerPointToLayerPoint(point)
      .subtract(L.DomUtil.getPosition(this.canvas));
    const view = this.currentView();
    const stop = this.stops.find((s) => Math.hypot(s.x - x, s.y - y) <= STOP_RADIUS_PX + 4);
    if (stop) return { track: stop.track, ms: stop.start };
    /** @type {{track: Track, ms: number} | null} */
    let best = null;
    let nearest = (reach / view.size) ** 2;
    for (const track of this.session.tracks) {
      const { series } = track;
      const wx = (x + view.left) / view.size;
      const wy = (y + view.top) / view.size;
      for (let i = 0; i < series.size; i += 1) {
        const dx = series.x[i] - wx - Math.round(series.x[i] - wx);
        const far = dx * dx + (series.y[i] - wy) ** 2;
        if (far >= nearest) continue;
        nearest = far;
        best = { track, ms: series.part.t[i] };
      }
    }
    return best;
  }
}
