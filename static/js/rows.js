/**
 * One row of the vehicle list: its elements, and what they say of a vehicle.
 */
import { FLAG_ALARM, MOVING, OFFLINE, STALE, STATES, UNKNOWN } from "./model.js";

/** @typedef {import("./desk.js").Desk} Desk */

const SVG = "http://www.w3.org/2000/svg";

/** A state's shape as a page element. */
export function makeGlyph() {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS(SVG, "use"));
  return svg;
}

/** @param {Element} svg @param {number} state @param {string} extra class */
export function setGlyph(svg, state, extra = "") {
  const name = STATES[state];
  if (svg.getAttribute("data-glyph") === name) return;
  svg.setAttribute("data-glyph", name);
  svg.setAttribute("class", `glyph glyph-${name} ${extra}`);
  svg.firstElementChild?.setAttribute("href", `#s-${name}`);
}

/**
 * What a state and its age come to in words: "Parked 12 min", "Last seen 3 hr ago".
 * @param {Desk} desk @param {number} slot @param {number} serverNow Unix ms
 */
export function stateLine(desk, slot, serverNow) {
  const { state, sinceMs, fixMs } = desk.store.columns;
  const name = STATES[state[slot]];
  if (state[slot] === MOVING && !desk.frozen.value)
    return desk.strings.value.ago(serverNow - fixMs[slot]);
  if (desk.frozen.value || state[slot] === STALE || state[slot] === OFFLINE) {
    return desk.t("list.lastSeen", { ago: desk.strings.value.ago(serverNow - fixMs[slot]) });
  }
  return `${desk.t(`state.${name}`)} ${desk.strings.value.duration(serverNow - sinceMs[slot])}`;
}

/**
 * Speed as it may be shown as current, or null: not known, too old, or frozen.
 * @param {Desk} desk
 * @param {number} slot
 */
export function currentSpeed(desk, slot) {
  const { state, speed } = desk.store.columns;
  if (desk.frozen.value || state[slot] >= STALE || speed[slot] === UNKNOWN) return null;
  return Math.round(speed[slot] / 10);
}

export class Row {
  slot = -1;
  #texts = ["", "", "", ""];

  constructor() {
    this.element = document.createElement("div");
    this.element.className = "row";
    this.element.setAttribute("role", "option");
    this.element.dataset.test = "row";
    this.glyph = makeGlyph();
    const lines = document.createElement("div");
    lines.className = "row-lines";
    this.parts = ["row-name", "row-speed", "row-device", "row-state"].map((name) => {
      const part = document.createElement("span");
      part.className = name;
      return part;
    });
    lines.append(...this.parts);
    this.element.append(this.glyph, lines);
  }

  /**
   * Shows a vehicle.
   * @param {Desk} desk @param {number} slot @param {number} place in the list, from 0
   * @param {number} total @param {number} serverNow Unix ms @param {boolean} active
   */
  show(desk, slot, place, total, serverNow, active) {
    const { store } = desk;
    const { element } = this;
    const { state, flags } = store.columns;
    const id = store.ids[slot];
    if (element.dataset.vehicle !== id) {
      element.dataset.vehicle = id;
      element.id = `row-${id}`;
    }
    this.slot = slot;
    setGlyph(this.glyph, state[slot]);
    const speed = currentSpeed(desk, slot);
    const showsSpeed = speed !== null && state[slot] === MOVING;
    this.#write(0, store.names[slot] || store.devices[slot]);
    this.#write(1, showsSpeed ? desk.strings.value.unit(speed, "kilometer-per-hour") : "");
    // A vehicle that nobody has named yet bears its device's identity: not twice in one row.
    const unnamed = !store.names[slot] || store.devices[slot] === store.names[slot];
    this.#write(2, unnamed ? "" : store.devices[slot]);
    element.classList.toggle("row-unnamed", unnamed);
    this.#write(3, stateLine(desk, slot, serverNow));
    element.dataset.state = STATES[state[slot]];
    element.classList.toggle("row-alarm", (flags[slot] & FLAG_ALARM) !== 0);
    element.classList.toggle("row-active", active);
    element.setAttribute("aria-selected", String(id === desk.selected.value));
    element.setAttribute("aria-posinset", String(place + 1));
    element.setAttribute("aria-setsize", String(total));
  }

  /** @param {number} part @param {string} text */
  #write(part, text) {
    if (this.#texts[part] === text) return;
    this.#texts[part] = text;
    this.parts[part].textContent = text;
  }
}
