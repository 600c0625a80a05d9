/**
 * What the marker under the pointer is: a small plate beside it.
 */
import { MOVING, STATES } from "./model.js";
import { currentSpeed, stateLine } from "./rows.js";

/** @typedef {import("./desk.js").Desk} Desk */

/** Distance from the marker's centre, px. */
const AWAY_PX = 16;

export class Tooltip {
  /** @param {Desk} desk @param {HTMLElement} element */
  constructor(desk, element) {
    this.desk = desk;
    this.element = element;
    this.name = document.createElement("strong");
    this.line = document.createElement("span");
    element.append(this.name, this.line);
  }

  hide() {
    this.element.hidden = true;
  }

  /**
   * @param {number} slot
   * @param {{x: number, y: number}} point px of the map
   * @param {number} width of the map
   */
  show(slot, point, width) {
    const { desk, element } = this;
    const state = desk.store.columns.state[slot];
    const speed = currentSpeed(desk, slot);
    const parts = [stateLine(desk, slot, desk.serverNow())];
    if (state === MOVING && speed !== null)
      parts.unshift(desk.strings.value.unit(speed, "kilometer-per-hour"));
    write(this.name, desk.store.names[slot] || desk.store.devices[slot]);
    write(this.line, parts.join(" · "));
    element.dataset.state = STATES[state];
    element.hidden = false;
    const flip = point.x + AWAY_PX + element.offsetWidth > width;
    const x = flip ? point.x - AWAY_PX - element.offsetWidth : point.x + AWAY_PX;
    const y = point.y - element.offsetHeight / 2;
    element.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
  }
}

/** @param {HTMLElement} element @param {string} text */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
