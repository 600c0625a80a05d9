/**
 * The state of the dispatcher's desk, which the parts of the page share: the vehicles, what is
 * filtered, selected and followed, and what the viewer chose. Parts change it here and hear of
 * changes from here; they do not know each other.
 */
import { ServerClock } from "./clock.js";
import { Filter } from "./filter.js";
import { STATES } from "./model.js";
import { ListOrder } from "./order.js";
import { saveSettings } from "./settings.js";
import { Signal, Topic } from "./signal.js";
import { VehicleStore } from "./store.js";

/** @typedef {import("./model.js").TickSummary} TickSummary */
/** @typedef {import("./settings.js").Settings} Settings */

export class Desk {
  clock = new ServerClock();
  filter = new Filter();
  /** Vehicles per state that the viewer may see, anywhere. @type {number[]} */
  counts = STATES.map(() => 0);
  /** True when only the vehicles in view are known. */
  narrowed = false;
  /** Vehicles that pass the filter. */
  shownCount = 0;

  /** Id of the selected vehicle. */
  selected = new Signal(/** @type {string | null} */ (null));
  /** Slot of the vehicle under the pointer, or −1. */
  hovered = new Signal(-1);
  follow = new Signal(/** @type {"off" | "on" | "paused"} */ ("off"));
  /** What is replayed instead of the live picture; null: nothing. */
  replay = new Signal(/** @type {import("./replay/place.js").ReplayPlace | null} */ (null));
  /** True while nothing comes: what is shown is how things were. */
  frozen = new Signal(false);
  /** The last tick; null until one has come. */
  tick = new Signal(/** @type {TickSummary | null} */ (null));
  /** The filter, or what passes it, changed. */
  filtered = new Topic();
  /** Once a second. */
  second = new Topic();

  /**
   * @param {import("./model.js").Config} config
   * @param {Settings} settings
   * @param {import("./i18n.js").Strings} strings
   * @param {import("./store.js").Project} project
   */
  constructor(config, settings, strings, project) {
    this.config = config;
    this.strings = new Signal(strings);
    this.store = new VehicleStore(project, () => performance.now());
    this.order = new ListOrder(strings.language);
    this.order.sort = settings.sort;
    this.labels = new Signal(settings.labels);
    this.trails = new Signal(settings.trails);
    this.keys = new Signal(settings.keys);
    this.dock = new Signal(settings.dock);
    this.theme = new Signal(settings.theme);
    this.settings = settings;
    for (const name of /** @type {const} */ (["labels", "trails", "keys", "dock", "theme"])) {
      const signal = /** @type {Signal<any>} */ (this[name]);
      signal.subscribe((value) => this.save({ [name]: value }));
    }
  }

  /** Text by name in the viewer's language. */
  t = (/** @type {string} */ key, /** @type {Record<string, string | number>} */ values = {}) =>
    this.strings.value.t(key, values);

  /** The server's time now, Unix ms. */
  serverNow() {
    return this.clock.now(performance.now());
  }

  /** Slot of the selected vehicle, or −1 when none is selected or it is not known. */
  get selectedSlot() {
    return this.selected.value === null ? -1 : this.store.slotOf(this.selected.value);
  }

  /** All vehicles that the viewer may see. */
  get total() {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }

  /** @param {string | null} id */
  select(id) {
    if (id !== this.selected.value) this.follow.value = "off";
    this.selected.value = id;
  }

  /** Selects the vehicle that many rows down the list. @param {1 | -1} step */
  walk(step) {
    const { slots } = this.order;
    if (slots.length === 0) return;
    const place = slots.indexOf(this.selectedSlot);
    const next = place < 0 ? (step > 0 ? 0 : slots.length - 1) : place + step;
    const slot = slots[Math.max(0, Math.min(slots.length - 1, next))];
    this.select(this.store.ids[slot]);
  }

  /** @param {string} query */
  search(query) {
    this.filter.search(query);
    this.refilter();
  }

  /** @param {number} state */
  toggleState(state) {
    this.filter.toggle(state);
    this.refilter();
  }

  clearFilter() {
    this.filter.clear();
    this.refilter();
  }

  /** The viewer asked for another list: works it out at once, also under the pointer. */
  refilter() {
    const { frozen } = this.order;
    this.order.frozen = false;
    this.refresh();
    this.order.frozen = frozen;
  }

  /** Works out anew what passes the filter, and in which order. */
  refresh() {
    this.shownCount = this.filter.apply(this.store);
    this.order.update(this.store);
    this.filtered.publish(undefined);
  }

  toggleFollow() {
    if (this.selectedSlot < 0) return;
    this.follow.value = this.follow.value === "on" ? "off" : "on";
  }

  /** @param {Partial<Settings>} change */
  save(change) {
    Object.assign(this.settings, change);
    saveSettings(this.settings);
  }
}
