/**
 * Where the map looks during a replay: all tracks, a trip, a stop, or after the vehicle. The middle
 * is the middle of what the replay's own parts leave of the map.
 */
import { Datum } from "../datum.js";
import { REDUCED_MOTION, SMALL_SCREEN, byId } from "../layout.js";

/** @typedef {import("./series.js").Sample} Sample */
/** @typedef {import("./session.js").Track} Track */

/** Room around what is shown, px. */
const MARGIN_PX = 40;

/** What is left of the map in height at least, px. */
const LEAST_PX = 120;

/** A stop is shown from here at least. */
const STOP_ZOOM = 16;

/** Closer than this nothing is fitted. */
const FIT_MAX_ZOOM = 16;

/** Below this rate of play the map slides after the vehicle; above, it jumps. */
const SLIDE_UP_TO = 30;

/** How long such a slide takes, s. */
const SLIDE_S = 0.3;

export class Framing {
  #slidingUntil = 0;

  /** @param {import("../mapview.js").MapView} view */
  constructor(view) {
    this.view = view;
  }

  /** What the replay's parts cover of the map, px. */
  insets() {
    const frame = byId("map").getBoundingClientRect();
    const dock = byId("replay-dock").getBoundingClientRect();
    const side = byId("replay-side").getBoundingClientRect();
    const flag = byId("replay-flag").getBoundingClientRect();
    const small = SMALL_SCREEN.matches;
    const top = Math.max(0, flag.bottom - frame.top);
    const lowest = small && side.height > 0 ? Math.min(side.top, dock.top) : dock.top;
    return {
      left: small ? 0 : Math.max(0, side.right - frame.left),
      right: 0,
      top,
      bottom: Math.max(0, Math.min(frame.height - top - LEAST_PX, frame.bottom - lowest)),
    };
  }

  /**
   * Shows tracks, or a part of them.
   * @param {Track[]} tracks @param {number} [from] @param {number} [to] Unix ms
   */
  fit(tracks, from = -Infinity, to = Infinity) {
    const box = { west: Infinity, east: -Infinity, north: Infinity, south: -Infinity };
    for (const { series } of tracks) {
      const { x, y, part, size } = series;
      for (let i = 0; i < size; i += 1) {
        if (part.t[i] < from || part.t[i] > to) continue;
        box.west = Math.min(box.west, x[i]);
        box.east = Math.max(box.east, x[i]);
        box.north = Math.min(box.north, y[i]);
        box.south = Math.max(box.south, y[i]);
      }
    }
    if (box.west > box.east) return;
    const inner = this.insets();
    this.view.map.fitBounds(
      L.latLngBounds(Datum.latLngOf(box.west, box.south), Datum.latLngOf(box.east, box.north)),
      {
        paddingTopLeft: [inner.left + MARGIN_PX, inner.top + MARGIN_PX],
        paddingBottomRight: [inner.right + MARGIN_PX, inner.bottom + MARGIN_PX],
        maxZoom: FIT_MAX_ZOOM,
        animate: false,
      },
    );
  }

  /**
   * Puts a place in the middle, near enough to see it.
   * @param {{lat: number, lon: number}} place
   */
  centre({ lat, lon }) {
    const { map } = this.view;
    const inner = this.insets();
    const zoom = Math.max(map.getZoom(), STOP_ZOOM);
    const shift = L.point((inner.right - inner.left) / 2, (inner.bottom - inner.top) / 2);
    const target = map.project(this.view.datum.toMap(lat, lon), zoom).add(shift);
    map.setView(map.unproject(target, zoom), zoom, { animate: false });
  }

  /**
   * Moves the map when a vehicle leaves what can be seen of it.
   * @param {Sample} sample @param {number} rate of play
   */
  keepInView(sample, rate) {
    const now = performance.now();
    if (Number.isNaN(sample.x) || now < this.#slidingUntil) return;
    const { map } = this.view;
    const size = map.getSize();
    const inner = this.insets();
    const left = inner.left + MARGIN_PX;
    const right = size.x - inner.right - MARGIN_PX;
    const top = inner.top + MARGIN_PX;
    const bottom = size.y - inner.bottom - MARGIN_PX;
    const { x, y } = map.latLngToContainerPoint(Datum.latLngOf(sample.x, sample.y));
    if (x >= left && x <= right && y >= top && y <= bottom) return;
    const animate = !REDUCED_MOTION.matches && rate <= SLIDE_UP_TO;
    this.#slidingUntil = animate ? now + SLIDE_S * 1000 : 0;
    map.panBy([Math.round(x - (left + right) / 2), Math.round(y - (top + bottom) / 2)], {
      animate,
      duration: SLIDE_S,
    });
  }
}
