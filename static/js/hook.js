/**
 * A read-only window into the page for tests and for the curious: `window.trackerPage`.
 * docs/page.md describes it.
 */
import { Datum } from "./datum.js";
import { STATES, UNKNOWN } from "./model.js";

/**
 * @param {import("./desk.js").Desk} desk
 * @param {import("./mapview.js").MapView} view
 * @param {import("./pill.js").Pill} pill
 * @param {() => object | null} describeReplay
 */
export function exposeHook(desk, view, pill, describeReplay) {
  const { store } = desk;
  const find = (/** @type {string} */ key) => {
    const slot = store.slotOf(key);
    if (slot >= 0) return slot;
    for (let i = 0; i < store.size; i += 1) {
      if (store.isAlive(i) && store.devices[i] === key) return i;
    }
    return -1;
  };
  const hook = {
    /** Vehicles known. */
    vehicles: () => store.count,
    /** Vehicles that pass the filter. */
    shown: () => desk.shownCount,
    /** One vehicle by id or device, or null. */
    vehicle: (/** @type {string} */ key) => {
      const slot = find(key);
      return slot < 0 ? null : describe(desk, view, slot);
    },
    pill: () => pill.state,
    selected: () => desk.selected.value,
    following: () => desk.follow.value,
    /** Frames drawn, the aimed rate, the cost of a frame, and what is in view. */
    frames: () => view.frames(),
    view: () => view.place(),
    tick: () => desk.tick.value?.tick ?? null,
    counts: () => [...desk.counts],
    /** What is replayed, and where its vehicles are drawn; null while live. */
    replay: describeReplay,
  };
  Object.defineProperty(window, "trackerPage", { value: Object.freeze(hook) });
}

/**
 * A vehicle as the page shows it.
 * @param {import("./desk.js").Desk} desk @param {import("./mapview.js").MapView} view
 * @param {number} slot
 */
function describe(desk, view, slot) {
  const { store } = desk;
  const c = store.columns;
  const drawn = view.datum.fromMap(Datum.latLngOf(c.drawnX[slot], c.drawnY[slot]));
  const point = view.vehicles.pointOf(slot);
  const frame = view.map.getContainer().getBoundingClientRect();
  return {
    id: store.ids[slot],
    name: store.names[slot],
    device: store.devices[slot],
    lat: c.lat[slot] / 1e6,
    lon: c.lon[slot] / 1e6,
    drawnLat: drawn.lat,
    drawnLon: drawn.lon,
    drawnCourse: Number.isNaN(c.drawnCourse[slot]) ? null : c.drawnCourse[slot],
    state: STATES[c.state[slot]],
    speedKmh: c.speed[slot] === UNKNOWN ? null : c.speed[slot] / 10,
    fixTime: c.fixMs[slot],
    shown: c.shown[slot] === 1,
    x: frame.left + point.x,
    y: frame.top + point.y,
  };
}
