/**
 * The controls of a replay: play, rate, range, zoom, export, and the vehicles as chips with the
 * finder that adds one. They act on the session; what they show is written by `render`.
 */
import { byId } from "../layout.js";
import { MAX_VEHICLES, fromLocalField, presetRange, toLocalField } from "./place.js";
import { RATES } from "./playhead.js";
import { SPEED_CLASSES } from "./thin.js";

/** @typedef {import("./session.js").Session} Session */
/** @typedef {import("./session.js").Track} Track */

/** A date field changes at every key: the range is taken when it rests, ms. */
const RANGE_AFTER_MS = 700;

/** Likewise the words of the finder, ms. */
const FIND_AFTER_MS = 200;

/** Vehicles that the finder shows. */
const FOUND = 7;

export class Panel {
  /** @type {number | undefined} */ #rangeTimer;
  /** @type {number | undefined} */ #findTimer;
  #skipTo = NaN;
  #finding = new AbortController();
  #wasPlaying = /** @type {boolean | null} */ (null);

  /**
   * @param {Session} session @param {import("../desk.js").Desk} desk
   * @param {{zoom: (factor: number) => void, whole: () => void, follow: (on: boolean) => void,
   *   stop: (step: 1 | -1) => void}} on
   */
  constructor(session, desk, on) {
    this.session = session;
    this.desk = desk;
    this.on = on;
    this.from = /** @type {HTMLInputElement} */ (byId("replay-from"));
    this.to = /** @type {HTMLInputElement} */ (byId("replay-to"));
    this.finder = byId("replay-finder");
    this.find = /** @type {HTMLInputElement} */ (byId("replay-find"));
    this.#setUpTransport();
    this.#setUpRange();
    this.#setUpTools();
    this.#setUpFinder();
  }

  #setUpTransport() {
    const { session } = this;
    byId("replay-play").addEventListener("click", () => session.toggle());
    byId("replay-skip").addEventListener("click", () => session.seek(this.#skipTo));
    byId("replay-previous").addEventListener("click", () => this.on.stop(-1));
    byId("replay-next").addEventListener("click", () => this.on.stop(1));
    const select = /** @type {HTMLSelectElement} */ (byId("replay-rate"));
    select.replaceChildren(...RATES.map((rate) => new Option(`${rate}×`, String(rate))));
    select.value = String(session.playhead.rate);
    select.addEventListener("change", () => session.setRate(Number(select.value)));
  }

  #setUpRange() {
    const { session, from, to } = this;
    for (const field of [from, to]) {
      field.addEventListener("change", () => {
        clearTimeout(this.#rangeTimer);
        this.#rangeTimer = window.setTimeout(() => {
          const first = fromLocalField(from.value);
          const last = fromLocalField(to.value);
          if (first !== null && last !== null) session.setRange(first, last);
        }, RANGE_AFTER_MS);
      });
    }
    for (const button of byId("replay").querySelectorAll("[data-preset]")) {
      button.addEventListener("click", () => {
        const preset = /** @type {HTMLElement} */ (button).dataset.preset;
        const range = presetRange(
          /** @type {import("./place.js").Preset} */ (preset),
          this.desk.serverNow(),
        );
        session.setRange(range.from, range.to);
      });
    }
  }

  #setUpTools() {
    byId("replay-closer").addEventListener("click", () => this.on.zoom(2));
    byId("replay-wider").addEventListener("click", () => this.on.zoom(0.5));
    byId("replay-whole").addEventListener("click", () => this.on.whole());
    const follow = byId("replay-follow");
    follow.addEventListener("click", () =>
      this.on.follow(follow.getAttribute("aria-pressed") !== "true"),
    );
    const toggle = byId("replay-list-toggle");
    toggle.addEventListener("click", () => {
      const open = byId("replay").classList.toggle("replay-listed");
      toggle.setAttribute("aria-expanded", String(open));
    });
    const menu = /** @type {HTMLDetailsElement} */ (byId("replay-export"));
    document.addEventListener("pointerdown", (event) => {
      if (event.target instanceof Node && !menu.contains(event.target)) menu.open = false;
    });
    byId("replay-formats").addEventListener("click", () => (menu.open = false));
  }

  /** What the colours of speed mean now. */
  renderLegend() {
    const { edges } = this.session;
    const text = edges.join(" ");
    const legend = byId("replay-legend");
    if (legend.dataset.edges === text) return;
    legend.dataset.edges = text;
    const bars = document.createElement("div");
    bars.className = "replay-legend-bars";
    const numbers = document.createElement("div");
    numbers.className = "replay-legend-numbers";
    for (let i = 0; i < SPEED_CLASSES; i += 1) {
      const bar = document.createElement("i");
      bar.style.setProperty("--speed", `var(--speed-${i})`);
      bars.append(bar);
      if (i === edges.length) continue;
      const number = document.createElement("span");
      number.textContent = String(edges[i]);
      numbers.append(number);
    }
    const unit = document.createElement("span");
    unit.className = "replay-legend-unit";
    unit.dataset.i18n = "unit.kmh";
    unit.textContent = this.desk.t("unit.kmh");
    legend.replaceChildren(bars, numbers, unit);
  }

  #setUpFinder() {
    this.find.addEventListener("input", () => {
      clearTimeout(this.#findTimer);
      this.#findTimer = window.setTimeout(() => void this.#search(), FIND_AFTER_MS);
    });
    this.finder.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        this.closeFinder();
      }
      if (event.key === "Enter" && event.target === this.find)
        /** @type {HTMLElement | null} */ (byId("replay-found").querySelector("button"))?.click();
    });
  }

  openFinder() {
    this.finder.hidden = false;
    this.find.value = "";
    this.find.focus();
    void this.#search();
  }

  closeFinder() {
    this.#finding.abort();
    this.finder.hidden = true;
  }

  /** Closes what is open over the controls. @returns {boolean} something was */
  closeMenus() {
    const menu = /** @type {HTMLDetailsElement} */ (byId("replay-export"));
    const wasOpen = menu.open || !this.finder.hidden;
    menu.open = false;
    this.closeFinder();
    return wasOpen;
  }

  async #search() {
    this.#finding.abort();
    this.#finding = new AbortController();
    const { session } = this;
    const { signal } = this.#finding;
    try {
      const found = await session.source.search(
        this.find.value.trim(),
        FOUND + MAX_VEHICLES,
        signal,
      );
      const shown = new Set(session.tracks.map(({ id }) => id));
      const rows = found
        .filter(({ id }) => !shown.has(id))
        .slice(0, FOUND)
        .map((vehicle) => this.#foundRow(vehicle));
      const none = document.createElement("li");
      none.textContent = this.desk.t("list.nothing");
      byId("replay-found").replaceChildren(...(rows.length > 0 ? rows : [none]));
    } catch {
      // Aborted by the next words, or out of reach: the list stays as it is.
    }
  }

  /** @param {import("./source.js").FoundVehicle} vehicle */
  #foundRow(vehicle) {
    const row = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    const name = document.createElement("b");
    name.textContent = vehicle.name;
    const last = document.createElement("span");
    last.textContent =
      vehicle.lastMs === null ? "" : this.desk.strings.value.dateTime(vehicle.lastMs);
    button.append(name, last);
    button.addEventListener("click", () => {
      this.closeFinder();
      this.session.add(vehicle.id);
    });
    row.append(button);
    return row;
  }

  /** Vehicles and range as they are now. */
  renderAll() {
    const { session } = this;
    this.from.value = toLocalField(session.from);
    this.to.value = toLocalField(session.to);
    this.renderVehicles();
    const active = session.active.value;
    const formats = /** @type {NodeListOf<HTMLAnchorElement>} */ (
      byId("replay-formats").querySelectorAll("a")
    );
    for (const link of formats) {
      const format = link.dataset.format ?? "";
      link.href = active
        ? session.source.exportUrl(active.id, format, session.from, session.to)
        : "#";
    }
  }

  renderVehicles() {
    const { session, desk } = this;
    const { tracks, active } = session;
    const chips = tracks.map((track) => {
      const chip = document.createElement("span");
      chip.className = "replay-vehicle";
      chip.dataset.state = track.state;
      chip.style.setProperty("--vehicle", `var(--replay-${track.colour})`);
      const pick = document.createElement("button");
      pick.type = "button";
      pick.className = "replay-vehicle-name";
      pick.dataset.test = "replay-vehicle";
      pick.dataset.vehicle = track.id;
      pick.setAttribute("aria-pressed", String(track === active.value));
      pick.textContent = track.name;
      pick.addEventListener("click", () => (active.value = track));
      chip.append(pick);
      if (tracks.length > 1) {
        const drop = document.createElement("button");
        drop.type = "button";
        drop.className = "replay-vehicle-drop";
        drop.dataset.test = "replay-drop";
        drop.textContent = "×";
        drop.setAttribute("aria-label", desk.t("replay.drop", { name: track.name }));
        drop.addEventListener("click", () => session.remove(track));
        chip.append(drop);
      }
      return chip;
    });
    if (tracks.length < MAX_VEHICLES) chips.push(this.#adder());
    byId("replay-vehicles").replaceChildren(...chips);
  }

  #adder() {
    const span = document.createElement("span");
    const add = document.createElement("button");
    add.type = "button";
    add.className = "replay-add";
    add.dataset.test = "replay-add";
    add.textContent = `+ ${this.desk.t("replay.add")}`;
    add.addEventListener("click", () =>
      this.finder.hidden ? this.openFinder() : this.closeFinder(),
    );
    span.append(add);
    return span;
  }

  /**
   * The moment, and whether it runs.
   * @param {number} ms Unix @param {string} note @param {number} skipTo end of a silence, or NaN
   */
  renderNow(ms, note, skipTo) {
    const { desk, session } = this;
    const strings = desk.strings.value;
    write("replay-clock", strings.clock(ms));
    write("replay-date", strings.day(ms));
    write("replay-note", note);
    this.#skipTo = skipTo;
    byId("replay-skip").hidden = Number.isNaN(skipTo);
    const { playing } = session.playhead;
    if (playing === this.#wasPlaying) return;
    this.#wasPlaying = playing;
    const button = byId("replay-play");
    const label = desk.t(playing ? "replay.pause" : "replay.play");
    button.dataset.i18nLabel = playing ? "replay.pause" : "replay.play";
    button.dataset.playing = String(playing);
    button.setAttribute("aria-label", label);
    button.title = label;
    button.querySelector("use")?.setAttribute("href", playing ? "#i-pause" : "#i-play");
  }
}

/** @param {string} id @param {string} text */
function write(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
}
