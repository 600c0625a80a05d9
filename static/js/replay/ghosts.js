/**
 * The replayed vehicles on the map: few, so each is an element that is moved, with its name, its
 * speed and, where nothing is known, the words for that.
 */
import { Datum } from "../datum.js";

/** @typedef {import("./session.js").Track} Track */
/** @typedef {import("./series.js").Sample} Sample */

/**
 * @typedef {object} Ghost
 * @property {L.Marker} marker @property {HTMLElement} root @property {HTMLElement} arrow
 * @property {HTMLElement} name @property {HTMLElement} speed
 */

/** A name that would reach beyond the map's edge stands on the other side, px. */
const LABEL_PX = 210;

const SVG = "http://www.w3.org/2000/svg";

export class Ghosts {
  /** @type {Map<Track, Ghost>} */ #ghosts = new Map();

  /** @param {L.Map} map @param {(track: Track) => void} onPick */
  constructor(map, onPick) {
    this.map = map;
    this.onPick = onPick;
    const pane = map.getPane("replay-ghosts") ?? map.createPane("replay-ghosts");
    pane.style.zIndex = "460";
  }

  /**
   * Puts a vehicle where it was.
   * @param {Track} track @param {Sample} sample @param {{words: string, active: boolean}} shown
   */
  place(track, sample, { words, active }) {
    const known = !Number.isNaN(sample.x);
    let ghost = this.#ghosts.get(track);
    if (!known) {
      if (ghost) this.#drop(track, ghost);
      return;
    }
    if (!ghost) {
      ghost = this.#make(track);
      this.#ghosts.set(track, ghost);
    }
    const place = Datum.latLngOf(sample.x, sample.y);
    ghost.marker.setLatLng(place);
    const room = this.map.getSize().x - this.map.latLngToContainerPoint(place).x;
    ghost.root.classList.toggle("ghost-at-edge", room < LABEL_PX);
    const moving = sample.state === "on" && sample.speed >= 3 && !Number.isNaN(sample.course);
    ghost.root.classList.toggle("ghost-moving", moving);
    ghost.root.classList.toggle("ghost-active", active);
    ghost.root.dataset.state = sample.state;
    if (moving) ghost.arrow.style.transform = `rotate(${sample.course.toFixed(1)}deg)`;
    write(ghost.name, track.name);
    write(ghost.speed, words);
    ghost.marker.setZIndexOffset(active ? 1000 : 0);
  }

  /** Takes away those that are not in the replay any more. @param {Track[]} tracks */
  keep(tracks) {
    for (const [track, ghost] of this.#ghosts)
      if (!tracks.includes(track)) this.#drop(track, ghost);
  }

  /** @param {Track} track @param {Ghost} ghost */
  #drop(track, ghost) {
    ghost.marker.remove();
    this.#ghosts.delete(track);
  }

  /** @param {Track} track @returns {Ghost} */
  #make(track) {
    const root = document.createElement("div");
    root.className = "ghost";
    root.dataset.test = "ghost";
    root.dataset.vehicle = track.id;
    root.style.setProperty("--vehicle", `var(--replay-${track.colour})`);
    const arrow = document.createElement("div");
    arrow.className = "ghost-arrow";
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", "0 0 32 32");
    for (const [name, d] of [
      ["ghost-shape-moving", "M16 3 27 27.5Q21.5 24.4 16 22.6 10.5 24.4 5 27.5Z"],
      ["ghost-shape-still", "M16 7a9 9 0 1 1 0 18 9 9 0 0 1 0-18Z"],
    ]) {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("class", name);
      path.setAttribute("d", d);
      svg.append(path);
    }
    arrow.append(svg);
    const label = document.createElement("div");
    label.className = "ghost-label";
    const name = document.createElement("b");
    const speed = document.createElement("span");
    label.append(name, speed);
    root.append(arrow, label);
    const icon = L.divIcon({ className: "ghost-icon", html: root, iconSize: [0, 0] });
    const marker = L.marker([0, 0], {
      icon,
      pane: "replay-ghosts",
      keyboard: false,
      interactive: true,
    }).addTo(this.map);
    marker.on("click", () => this.onPick(track));
    return { marker, root, arrow, name, speed };
  }
}

/** @param {HTMLElement} element @param {string} text */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
