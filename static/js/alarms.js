/**
 * Alarms as they happen: a stack of notes with the vehicle's name and a way to it.
 */
import { alarmName } from "./attributes.js";

/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {import("./model.js").FeedEvent} FeedEvent */

/** Notes shown at once; older ones make room. */
const MAX_NOTES = 3;

/** How long a note stays, ms. The vehicle keeps its red halo as long as the alarm lasts. */
const SHOWN_MS = 20_000;

/** Events remembered, so that one that comes twice is shown once. */
const MAX_SEEN = 500;

export class Alarms {
  /** @type {Set<string>} */ #seen = new Set();

  /**
   * @param {Desk} desk @param {HTMLElement} host
   * @param {(slot: number) => void} onLocate
   */
  constructor(desk, host, onLocate) {
    this.desk = desk;
    this.host = host;
    this.onLocate = onLocate;
    desk.tick.subscribe((tick) => {
      for (const event of tick?.events ?? []) this.#take(event);
    });
  }

  /** @param {FeedEvent} event */
  #take(event) {
    if (this.#seen.has(event.id)) return;
    this.#seen.add(event.id);
    if (this.#seen.size > MAX_SEEN) this.#seen.delete([...this.#seen][0]);
    if (event.event === "alarm") this.#show(event);
    else if (event.event === "alarm_over") this.#remove(event);
  }

  /** @param {FeedEvent} event */
  #show(event) {
    const { desk } = this;
    const slot = desk.store.slotOf(event.vehicle);
    const note = document.createElement("div");
    note.className = "toast";
    note.dataset.test = "toast";
    note.dataset.vehicle = event.vehicle;
    note.dataset.alarm = event.name;
    const text = document.createElement("p");
    const what = document.createElement("strong");
    what.textContent = alarmName(event.name, desk.strings.value);
    const who = document.createElement("span");
    const name = slot >= 0 ? desk.store.names[slot] : event.vehicle;
    who.textContent = `${name} · ${desk.strings.value.clock(event.time_ms)}`;
    text.append(what, who);
    note.append(
      text,
      this.#button("alarm.locate", () => this.#locate(event)),
      this.#button("close", () => note.remove()),
    );
    this.host.prepend(note);
    // What became of a command is not pushed away by alarms.
    for (const old of [...this.host.querySelectorAll("[data-alarm]")].slice(MAX_NOTES)) old.remove();
    window.setTimeout(() => note.remove(), SHOWN_MS);
  }

  /** @param {FeedEvent} event */
  #remove(event) {
    for (const note of this.host.querySelectorAll(".toast")) {
      const { vehicle, alarm } = /** @type {HTMLElement} */ (note).dataset;
      if (vehicle === event.vehicle && alarm === event.name) note.remove();
    }
  }

  /** @param {FeedEvent} event */
  #locate(event) {
    this.desk.select(event.vehicle);
    if (this.desk.selectedSlot >= 0) this.onLocate(this.desk.selectedSlot);
  }

  /** @param {string} key @param {() => void} onClick */
  #button(key, onClick) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = `toast-${key.split(".").pop()}`;
    button.textContent = key === "close" ? "×" : this.desk.t(key);
    button.setAttribute("aria-label", this.desk.t(key));
    button.addEventListener("click", onClick);
    return button;
  }
}
