/**
 * The panel of the selected vehicle. What moves comes from the feed, second by second; the rest
 * from its record. Values that are too old to be true now are shown as last known, or not at all.
 */
import { alarmName, attributeName, attributeValue } from "./attributes.js";
import {
  FLAG_ALARM,
  FLAG_IGNITION_KNOWN,
  FLAG_IGNITION_ON,
  MOVING,
  OFFLINE,
  STALE,
  STATES,
  UNKNOWN,
} from "./model.js";
import { RecordPoller } from "./record.js";
import { currentSpeed, setGlyph } from "./rows.js";
import { Sparkline } from "./sparkline.js";
import { TrackLoader } from "./track.js";

/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {import("./record.js").VehicleRecord} VehicleRecord */

const COMPASS = ["n", "ne", "e", "se", "s", "sw", "w", "nw"];

export class Details {
  /** @type {VehicleRecord | null} */ #record = null;
  #attributesText = "";

  /**
   * @param {Desk} desk @param {HTMLElement} panel
   * @param {{reachable: () => boolean, onCentre: (slot: number) => void,
   *   onTrack: (slot: number, points: import("./track.js").TrackPoint[]) => void}} options
   */
  constructor(desk, panel, { reachable, onCentre, onTrack }) {
    this.desk = desk;
    this.panel = panel;
    this.spark = new Sparkline(/** @type {HTMLCanvasElement} */ (this.#get("spark")));
    this.poller = new RecordPoller(desk.config.api, reachable, (_, record) => {
      this.#record = record;
      this.render();
    });
    this.track = new TrackLoader(desk.config.api, (id, points) => {
      if (id !== desk.selected.value || desk.selectedSlot < 0) return;
      onTrack(desk.selectedSlot, points);
      this.spark.backfill(points.flatMap(({ ms, kmh }) => (kmh === null ? [] : [{ ms, kmh }])));
      this.render();
    });
    this.#get("details-close").addEventListener("click", () => desk.select(null));
    this.#get("follow").addEventListener("click", () => desk.toggleFollow());
    this.#get("centre").addEventListener("click", () => {
      if (desk.selectedSlot >= 0) onCentre(desk.selectedSlot);
    });
    desk.selected.subscribe((id) => this.#open(id));
    desk.follow.subscribe(() => this.#renderFollow());
    desk.tick.subscribe(() => this.#ticked());
    desk.frozen.subscribe(() => this.render());
    desk.second.subscribe(() => {
      this.poller.poll(performance.now());
      this.render();
    });
    desk.strings.subscribe(() => {
      this.#attributesText = "";
      this.#renderFollow();
      this.render();
    });
  }

  /** @param {string} id of an element */
  #get(id) {
    return /** @type {HTMLElement} */ (this.panel.querySelector(`#${id}`));
  }

  /** @param {string | null} id */
  #open(id) {
    this.#record = null;
    this.#attributesText = "";
    this.spark.clear();
    this.panel.hidden = id === null;
    this.poller.watch(id);
    this.track.load(id, this.desk.serverNow());
    if (id === null) return;
    this.#sample();
    this.render();
  }

  #ticked() {
    const slot = this.desk.selectedSlot;
    if (slot < 0) return;
    if (this.desk.store.moved.includes(slot)) this.poller.moved();
    this.#sample();
    this.render();
  }

  #sample() {
    const { desk } = this;
    const slot = desk.selectedSlot;
    if (slot < 0) return;
    const { fixMs, speed } = desk.store.columns;
    if (speed[slot] !== UNKNOWN) this.spark.add(fixMs[slot], speed[slot] / 10);
  }

  render() {
    if (this.panel.hidden) return;
    const slot = this.desk.selectedSlot;
    if (slot >= 0) this.#renderLive(slot);
    else this.#renderGone();
    this.#renderRecord();
    this.#renderSpark();
  }

  #renderSpark() {
    const { desk, spark } = this;
    const { value: strings } = desk.strings;
    const now = desk.serverNow();
    const style = getComputedStyle(document.documentElement);
    spark.draw(style.getPropertyValue("--accent"), style.getPropertyValue("--hairline"), now);
    const label = desk.t("details.sparkline", { duration: strings.duration(spark.spanMs(now)) });
    const top = strings.unit(Math.round(spark.topKmh), "kilometer-per-hour");
    this.#write("spark-label", label);
    this.#write("spark-max", desk.t("details.top", { speed: top }));
    this.#get("spark").setAttribute("aria-label", label);
  }

  /** @param {number} slot */
  #renderLive(slot) {
    const { desk } = this;
    const { strings, store } = desk;
    const c = store.columns;
    const serverNow = desk.serverNow();
    const state = c.state[slot];
    const old = state >= STALE || desk.frozen.value;
    this.panel.dataset.state = STATES[state];
    this.panel.dataset.vehicle = store.ids[slot];
    this.panel.classList.toggle("details-old", old);
    setGlyph(this.#get("details-glyph"), state, "details-glyph");
    this.#write("details-name", store.names[slot] || store.devices[slot]);
    const name = desk.t(`state.${STATES[state]}`);
    const duration = strings.value.duration(serverNow - c.sinceMs[slot]);
    // How long a state has lasted is not known once nothing comes any more.
    this.#write(
      "details-state",
      desk.frozen.value ? name : desk.t("details.stateFor", { state: name, duration }),
    );
    this.#write("details-age", strings.value.ago(serverNow - c.fixMs[slot]));
    this.#renderGauges(slot, old);
    this.#write("details-position", coordinates(c.lat[slot] / 1e6, c.lon[slot] / 1e6));
    this.#write(
      "details-fix",
      `${strings.value.clock(c.fixMs[slot])} · ${strings.value.ago(serverNow - c.fixMs[slot])}`,
    );
    this.#write("details-device", store.devices[slot]);
    const alarm = (c.flags[slot] & FLAG_ALARM) !== 0;
    this.#get("details-alarm").hidden = !alarm;
    if (alarm) this.#write("details-alarm-text", this.#alarmText());
  }

  /** @param {number} slot @param {boolean} old */
  #renderGauges(slot, old) {
    const { desk } = this;
    const { speed, state, flags, drawnCourse } = desk.store.columns;
    const known = speed[slot] === UNKNOWN ? null : Math.round(speed[slot] / 10);
    const current = currentSpeed(desk, slot);
    const shown = old ? known : current;
    this.#write(
      "details-quick",
      current === null ? "" : desk.strings.value.unit(current, "kilometer-per-hour"),
    );
    this.#write("speed-label", desk.t(old ? "details.speedLast" : "details.speed"));
    this.#write("details-speed", shown === null ? "–" : desk.strings.value.whole.format(shown));
    const course = drawnCourse[slot];
    const hasCourse = !Number.isNaN(course);
    const degrees = ((Math.round(course) % 360) + 360) % 360;
    const point = desk.t(`compass.${COMPASS[Math.round(degrees / 45) % 8]}`);
    this.#write("details-course", hasCourse ? `${point} ${degrees}°` : "–");
    const needle = this.#get("course-needle");
    needle.style.transform = hasCourse ? `rotate(${degrees}deg)` : "";
    needle.toggleAttribute("hidden", !hasCourse || state[slot] !== MOVING);
    const ignitionKnown = (flags[slot] & FLAG_IGNITION_KNOWN) !== 0;
    const ignition = desk.t(
      (flags[slot] & FLAG_IGNITION_ON) !== 0 ? "ignition.on" : "ignition.off",
    );
    this.#write("ignition-label", desk.t(old ? "details.ignitionLast" : "details.ignition"));
    this.#write("details-ignition", ignitionKnown ? ignition : "–");
  }

  /** Selected, but not among what the feed tells: out of view, or no longer there. */
  #renderGone() {
    const { desk } = this;
    const record = this.#record;
    const position = record?.position;
    const strings = desk.strings.value;
    const fixMs = Date.parse(position?.fix_time ?? "");
    this.panel.dataset.vehicle = desk.selected.value ?? "";
    this.panel.dataset.state = "offline";
    this.panel.classList.add("details-old");
    setGlyph(this.#get("details-glyph"), OFFLINE, "details-glyph");
    this.#get("details-alarm").hidden = true;
    this.#write("details-name", record?.name || desk.selected.value || "");
    this.#write("details-state", desk.t(desk.narrowed ? "details.outOfView" : "details.gone"));
    this.#write("details-age", Number.isNaN(fixMs) ? "" : strings.ago(desk.serverNow() - fixMs));
    this.#write("details-fix", Number.isNaN(fixMs) ? "–" : strings.dateTime(fixMs));
    this.#write("details-position", position ? coordinates(position.lat, position.lon) : "–");
    this.#write("details-device", record?.device ?? "–");
    this.#write("speed-label", desk.t("details.speedLast"));
    this.#write("ignition-label", desk.t("details.ignitionLast"));
    for (const id of ["details-speed", "details-course", "details-ignition"]) this.#write(id, "–");
    this.#write("details-quick", "");
    this.#get("course-needle").setAttribute("hidden", "");
  }

  #renderRecord() {
    const { desk } = this;
    const strings = desk.strings.value;
    const record = this.#record;
    const position = record?.position;
    const number = (/** @type {unknown} */ value) => (typeof value === "number" ? value : null);
    const altitude = number(position?.altitude_m);
    const satellites = number(position?.satellites);
    this.#write("details-altitude", altitude === null ? "–" : strings.unit(altitude, "meter"));
    const valid = position?.valid === false ? ` · ${desk.t("details.invalid")}` : "";
    this.#write(
      "details-satellites",
      (satellites === null ? "–" : strings.whole.format(satellites)) + valid,
    );
    const contact = record?.contact_time ? Date.parse(record.contact_time) : NaN;
    this.#write(
      "details-contact",
      Number.isNaN(contact) ? "–" : strings.ago(desk.serverNow() - contact),
    );
    this.#write("details-protocol", record?.protocol ? String(record.protocol) : "–");
    this.#write("details-group", record?.group ? String(record.group) : desk.t("details.noGroup"));
    this.#renderAttributes(record?.attributes);
  }

  /** @param {Record<string, unknown> | undefined} attributes */
  #renderAttributes(attributes) {
    const text = JSON.stringify(attributes ?? {});
    if (text === this.#attributesText) return;
    this.#attributesText = text;
    const strings = this.desk.strings.value;
    const entries = Object.entries(attributes ?? {});
    this.#get("attributes").hidden = entries.length === 0;
    const rows = entries.map(([name, value]) => {
      const row = document.createElement("div");
      const term = document.createElement("dt");
      const definition = document.createElement("dd");
      term.textContent = attributeName(name, strings);
      term.title = name;
      definition.textContent = attributeValue(name, value, strings);
      row.append(term, definition);
      return row;
    });
    this.#get("attribute-list").replaceChildren(...rows);
  }

  #renderFollow() {
    const { follow } = this.desk;
    const button = this.#get("follow");
    button.setAttribute("aria-pressed", String(follow.value === "on"));
    button.dataset.follow = follow.value;
    const text = { off: "follow.start", on: "follow.stop", paused: "follow.resume" }[follow.value];
    this.#write("follow-text", this.desk.t(text));
  }

  #alarmText() {
    /** @type {unknown} */
    const alarms = this.#record?.alarms;
    if (!Array.isArray(alarms) || alarms.length === 0) return this.desk.t("alarm.active");
    return alarms.map((name) => alarmName(String(name), this.desk.strings.value)).join(", ");
  }

  /** @param {string} id @param {string} text */
  #write(id, text) {
    const element = this.#get(id);
    if (element.textContent !== text) element.textContent = text;
  }
}

/** Latitude and longitude as people paste them. @param {number} lat @param {number} lon degrees */
function coordinates(lat, lon) {
  return `${lat.toFixed(5)}, ${lon.toFixed(5)}`;
}
