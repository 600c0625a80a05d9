/**
 * Playback: opens and closes a replay over the live map and joins its parts. Loaded when the first
 * replay is opened. The live feed goes on below, unseen.
 */
import { Datum } from "../datum.js";
import { REDUCED_MOTION, SMALL_SCREEN, byId } from "../layout.js";
import { readPalette } from "../palette.js";
import { readColours } from "./colours.js";
import { Ghosts } from "./ghosts.js";
import { Panel } from "./panel.js";
import { usualRange } from "./place.js";
import { Places } from "./places.js";
import { Session } from "./session.js";
import { Source } from "./source.js";
import { Timeline } from "./timeline.js";
import { TrackLayer } from "./tracklayer.js";

/** @typedef {import("../desk.js").Desk} Desk */
/** @typedef {import("../mapview.js").MapView} MapView */
/** @typedef {import("./place.js").ReplayPlace} ReplayPlace */
/** @typedef {import("./series.js").Sample} Sample */
/** @typedef {import("./session.js").Track} Track */

/** A click means a track that is nearer than this, px. */
const REACH_PX = 14;

/** Room around what is shown, px. */
const MARGIN_PX = 40;

/** A stop is shown from here at least. */
const STOP_ZOOM = 16;

/** Closer than this nothing is fitted. */
const FIT_MAX_ZOOM = 16;

/** Who asked for less movement sees a step a second instead of a glide, ms. */
const STILL_MS = 1000;

/** Below this rate the map slides after the vehicle; above, it jumps. */
const SLIDE_UP_TO = 30;

const PARTS = ["replay", "replay-flag", "replay-frame"];

/** Of the live page; out of reach meanwhile. */
const LIVE_PARTS = ["dock", "details", "dock-open", "filter-chip", "resume"];

export class Replay {
  open = false;
  #follow = true;
  #fitted = false;
  #wantsFit = true;
  #dirty = true;
  #drawnAt = -Infinity;
  #request = 0;
  #before = { view: /** @type {{centre: L.LatLng, zoom: number} | null} */ (null), follow: "off" };
  /** The place that this replay itself wrote. @type {ReplayPlace | null} */ #own = null;
  #generation = 0;

  /** @param {Desk} desk @param {MapView} view */
  constructor(desk, view) {
    this.desk = desk;
    this.view = view;
    this.root = document.documentElement;
    this.colours = readColours(this.root);
    this.session = new Session(new Source(desk.config.api), view.datum.project);
    this.layer = new TrackLayer(
      this.session,
      readPalette(this.root),
      this.colours,
      view.datum.project,
      (ms) => desk.strings.value.duration(ms),
    );
    this.ghosts = new Ghosts(view.map, (track) => (this.session.active.value = track));
    this.timeline = new Timeline(
      {
        root: byId("replay-timeline"),
        canvas: /** @type {HTMLCanvasElement} */ (byId("replay-canvas")),
        cursor: byId("replay-cursor"),
        bubble: byId("replay-bubble"),
        hover: byId("replay-hover"),
        hoverText: byId("replay-hover-text"),
      },
      this.session,
      {
        colours: () => this.colours,
        strings: () => desk.strings.value,
        tip: (ms) => this.#tip(ms),
      },
    );
    this.panel = new Panel(this.session, desk, {
      zoom: (factor) => this.timeline.zoom(factor),
      whole: () => {
        this.timeline.showAll();
        this.#fit();
      },
      follow: (on) => this.#setFollow(on),
      stop: (step) => this.#step(step),
    });
    this.places = new Places(
      { list: byId("replay-pieces"), summary: byId("replay-summary") },
      () => desk.strings.value,
      (piece) => this.#goTo(piece),
    );
    this.#listen();
  }

  #listen() {
    const { session, desk, view } = this;
    byId("replay-back").addEventListener("click", () => (desk.replay.value = null));
    session.changed.subscribe(() => this.#changed());
    session.loaded.subscribe(() => this.#loaded());
    session.moved.subscribe(() => this.#moved());
    session.active.subscribe(() => this.#activated());
    desk.strings.subscribe(() => {
      if (this.open) this.#relabel();
    });
    new MutationObserver(() => this.#recolour()).observe(this.root, {
      attributeFilter: ["data-theme"],
    });
    new ResizeObserver(() => this.#measure()).observe(byId("replay-dock"));
    view.map.on("dragstart", () => this.#setFollow(false));
    view.map.on("click", (event) => {
      const hit = this.open ? this.layer.hit(event.containerPoint, REACH_PX) : null;
      if (!hit) return;
      session.active.value = hit.track;
      session.seek(hit.ms);
    });
    document.addEventListener("keydown", (event) => this.#key(event), true);
  }

  /** @param {ReplayPlace | null} place from the address or the viewer; null closes */
  show(place) {
    if (place === this.#own) return;
    if (!place) this.#close();
    else void this.#open(place);
  }

  /** @param {ReplayPlace} place */
  async #open(place) {
    const { desk, view } = this;
    const generation = (this.#generation += 1);
    if (!this.open) this.#enter();
    this.#wantsFit = !place.keepView;
    this.#fitted = false;
    let { from, to } = place;
    if (from === null || to === null) {
      const last = await this.session.source.vehicle(place.vehicles[0]).catch(() => null);
      if (generation !== this.#generation) return;
      ({ from, to } = usualRange(last?.lastMs ?? null, desk.serverNow()));
    }
    this.session.open(place.vehicles, { from, to }, place.at);
    view.touch();
    cancelAnimationFrame(this.#request);
    this.#frame();
  }

  #enter() {
    const { desk, view, root } = this;
    this.open = true;
    this.#before = {
      view: view.camera.placed ? { centre: view.map.getCenter(), zoom: view.map.getZoom() } : null,
      follow: desk.follow.value,
    };
    desk.follow.value = "off";
    view.camera.placed = true;
    root.classList.add("replaying");
    for (const id of PARTS) byId(id).hidden = false;
    for (const id of LIVE_PARTS) byId(id).inert = true;
    this.#setFollow(true);
    view.map.addLayer(this.layer);
    this.#measure();
    byId("replay-play").focus({ preventScroll: true });
  }

  #close() {
    if (!this.open) return;
    const { desk, view, root } = this;
    this.#generation += 1;
    this.open = false;
    this.#own = null;
    this.session.close();
    this.panel.closeFinder();
    this.ghosts.keep([]);
    view.map.removeLayer(this.layer);
    root.classList.remove("replaying");
    for (const id of PARTS) byId(id).hidden = true;
    for (const id of LIVE_PARTS) byId(id).inert = false;
    const { view: before, follow } = this.#before;
    if (before) view.map.setView(before.centre, before.zoom, { animate: false });
    else view.camera.placed = view.camera.fitFleet(false);
    if (desk.selectedSlot >= 0) desk.follow.value = /** @type {"off" | "on" | "paused"} */ (follow);
    view.touch();
  }

  #changed() {
    this.timeline.reset();
    this.timeline.fitData();
    this.panel.renderAll();
    this.ghosts.keep(this.session.tracks);
    this.#activated();
    this.#write();
  }

  #activated() {
    if (!this.open) return;
    this.panel.renderAll();
    this.places.show(this.session.active.value?.pieces ?? []);
    this.layer.redrawSoon();
    this.timeline.draw();
    this.#dirty = true;
    this.#write();
  }

  #loaded() {
    const { session, panel, places } = this;
    this.timeline.fitData();
    this.timeline.draw();
    panel.renderVehicles();
    places.show(session.active.value?.pieces ?? []);
    this.layer.redrawSoon();
    if (!this.#fitted && this.#wantsFit && session.tracks.some(({ series }) => series.size > 0)) {
      const whole = session.tracks.every(({ state }) => state !== "loading");
      this.#fit();
      this.#fitted = whole;
    }
    this.#write();
    this.#dirty = true;
  }

  #moved() {
    this.#dirty = true;
    if (!this.session.playhead.playing) this.#write();
    else this.view.touch();
  }

  #relabel() {
    this.panel.renderAll();
    this.places.show(this.session.active.value?.pieces ?? []);
    this.layer.redrawSoon();
    this.timeline.draw();
    this.#dirty = true;
  }

  #recolour() {
    this.colours = readColours(this.root);
    this.layer.colours = this.colours;
    this.layer.setPalette(readPalette(this.root));
    if (this.open) this.timeline.draw();
  }

  /** Writes the replay into the desk, for the address. */
  #write() {
    const { session, desk } = this;
    if (!this.open || session.tracks.length === 0) return;
    const active = session.active.value;
    const ids = session.tracks.map(({ id }) => id);
    const vehicles = active ? [active.id, ...ids.filter((id) => id !== active.id)] : ids;
    this.#own = { vehicles, from: session.from, to: session.to, at: session.now() };
    desk.replay.value = this.#own;
  }

  #frame = () => {
    if (!this.open || this.session.tracks.length === 0) return;
    this.#request = requestAnimationFrame(this.#frame);
    const { session } = this;
    const now = performance.now();
    const wasPlaying = session.playhead.playing;
    const at = session.now();
    const ended = wasPlaying && !session.playhead.playing;
    const still = REDUCED_MOTION.matches && now - this.#drawnAt < STILL_MS;
    if (!(this.#dirty || ended || (wasPlaying && !still))) return;
    this.#dirty = false;
    this.#drawnAt = now;
    this.#drawAt(at);
    if (ended) this.#write();
  };

  /** @param {number} at Unix ms */
  #drawAt(at) {
    const { session } = this;
    const active = session.active.value;
    /** @type {Sample | null} */
    let seen = null;
    for (const track of session.tracks) {
      const sample = track.series.at(at);
      if (track === active) seen = sample;
      this.ghosts.place(track, sample, { words: this.#words(sample), active: track === active });
    }
    this.timeline.place(at);
    this.places.mark(at);
    this.panel.renderNow(at, this.#note(seen));
    if (seen && session.playhead.playing && this.#follow) this.#keepInView(seen);
  }

  /** What is said of a vehicle at a moment. @param {Sample} sample */
  #words(sample) {
    const { desk } = this;
    if (sample.state === "loading") return "…";
    if (sample.state !== "on") return desk.t("replay.noData");
    if (Number.isNaN(sample.speed)) return "–";
    return desk.strings.value.unit(Math.round(sample.speed), "kilometer-per-hour");
  }

  /** What is said of the active vehicle beside the clock. @param {Sample | null} sample */
  #note(sample) {
    const { desk, session } = this;
    const track = session.active.value;
    if (!track || !sample) return "";
    if (track.state === "failed") return desk.t("replay.failed", { reason: track.error });
    if (track.state === "loading" && track.blocks.length > 0)
      return desk.t("replay.loading", {
        share: desk.strings.value.whole.format(
          Math.floor((100 * track.loadedBlocks) / track.blocks.length),
        ),
      });
    if (track.state === "loading") return desk.t("replay.asking");
    if (sample.state === "empty" || track.series.size === 0) return desk.t("replay.empty");
    if (sample.state === "on") return this.#words(sample);
    if (Number.isNaN(sample.untilMs)) return desk.t("replay.noData");
    return desk.t("replay.noDataUntil", { time: desk.strings.value.clock(sample.untilMs) });
  }

  /** @param {number} ms Unix */
  #tip(ms) {
    const active = this.session.active.value;
    const time = this.desk.strings.value.clock(ms);
    return active ? `${time} · ${this.#words(active.series.at(ms))}` : time;
  }

  /** What the replay's parts leave of the map, px. */
  #insets() {
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
      bottom: Math.max(0, Math.min(frame.height - top - 120, frame.bottom - lowest)),
    };
  }

  /** @param {L.LatLngBounds} bounds */
  #fitBounds(bounds) {
    const inner = this.#insets();
    this.view.map.fitBounds(bounds, {
      paddingTopLeft: [inner.left + MARGIN_PX, inner.top + MARGIN_PX],
      paddingBottomRight: [inner.right + MARGIN_PX, inner.bottom + MARGIN_PX],
      maxZoom: FIT_MAX_ZOOM,
      animate: false,
    });
  }

  /** Shows all tracks, or a part of one. */
  #fit(tracks = this.session.tracks, from = -Infinity, to = Infinity) {
    const bounds = L.latLngBounds([]);
    for (const { series } of tracks) {
      const { x, y, part } = series;
      for (let i = 0; i < series.size; i += 1)
        if (part.t[i] >= from && part.t[i] <= to) bounds.extend(Datum.latLngOf(x[i], y[i]));
    }
    if (bounds.isValid()) this.#fitBounds(bounds);
  }

  /** @param {import("./source.js").Piece} piece */
  #goTo(piece) {
    const { session } = this;
    session.seek(piece.start);
    this.timeline.scale.reveal(piece.start);
    this.timeline.draw();
    const track = session.active.value;
    if (piece.kind === "trip" && track) this.#fit([track], piece.start, piece.end);
    else if (piece.place) this.#centre(piece.place);
    byId("replay").classList.remove("replay-listed");
    byId("replay-list-toggle").setAttribute("aria-expanded", "false");
  }

  /** @param {1 | -1} step */
  #step(step) {
    const stop = this.session.stepStop(step);
    if (stop) this.#goTo(stop);
  }

  /** @param {{lat: number, lon: number}} place */
  #centre({ lat, lon }) {
    const { map } = this.view;
    const inner = this.#insets();
    const zoom = Math.max(map.getZoom(), STOP_ZOOM);
    const shift = L.point((inner.right - inner.left) / 2, (inner.bottom - inner.top) / 2);
    const target = map.project(this.view.datum.toMap(lat, lon), zoom).add(shift);
    map.setView(map.unproject(target, zoom), zoom, { animate: false });
  }

  /** @param {Sample} sample of the active vehicle */
  #keepInView(sample) {
    if (Number.isNaN(sample.x)) return;
    const { map } = this.view;
    const size = map.getSize();
    const inner = this.#insets();
    const free = {
      left: inner.left + MARGIN_PX,
      right: size.x - inner.right - MARGIN_PX,
      top: inner.top + MARGIN_PX,
      bottom: size.y - inner.bottom - MARGIN_PX,
    };
    const point = map.latLngToContainerPoint(Datum.latLngOf(sample.x, sample.y));
    const inside =
      point.x >= free.left &&
      point.x <= free.right &&
      point.y >= free.top &&
      point.y <= free.bottom;
    if (inside) return;
    const by = L.point(
      Math.round(point.x - (free.left + free.right) / 2),
      Math.round(point.y - (free.top + free.bottom) / 2),
    );
    const slides = !REDUCED_MOTION.matches && this.session.playhead.rate <= SLIDE_UP_TO;
    map.panBy(by, { animate: slides, duration: 0.3 });
  }

  /** @param {boolean} on */
  #setFollow(on) {
    this.#follow = on;
    byId("replay-follow").setAttribute("aria-pressed", String(on));
    this.#dirty = true;
  }

  /** Lets the map's furniture stand above the dock. */
  #measure() {
    const height = byId("replay-dock").getBoundingClientRect().height;
    this.root.style.setProperty("--replay-height", `${Math.round(height)}px`);
  }

  /** Keys of the replay; those that act on live vehicles do nothing. @param {KeyboardEvent} event */
  #key(event) {
    if (!this.open || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    const { target } = event;
    const inField =
      target instanceof Element &&
      target.closest("input, select, textarea, dialog[open], summary") !== null;
    if (inField) return;
    const onButton = target instanceof Element && target.closest("button, a") !== null;
    const actions = /** @type {Record<string, () => void>} */ ({
      ",": () => this.#step(-1),
      ".": () => this.#step(1),
      f: () => this.#setFollow(!this.#follow),
    });
    if (!onButton) actions[" "] = () => this.session.toggle();
    const key = event.key.toLowerCase();
    if (key === "escape") {
      this.desk.replay.value = null;
    } else if (Object.hasOwn(actions, key) && this.desk.keys.value) {
      actions[key]();
    } else if (!["j", "k", "c", "l", "t", "b", "r", "/"].includes(key)) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  /** For tests: docs/page.md. */
  describe() {
    if (!this.open) return null;
    const { session } = this;
    const at = session.now();
    const frame = byId("map").getBoundingClientRect();
    return {
      at,
      from: session.from,
      to: session.to,
      playing: session.playhead.playing,
      rate: session.playhead.rate,
      active: session.active.value?.id ?? null,
      vehicles: session.tracks.map((track) => {
        const sample = track.series.at(at);
        const known = !Number.isNaN(sample.x);
        const point = known
          ? this.view.map.latLngToContainerPoint(Datum.latLngOf(sample.x, sample.y))
          : null;
        return {
          id: track.id,
          name: track.name,
          load: track.state,
          points: track.series.size,
          state: sample.state,
          lat: known ? sample.lat : null,
          lon: known ? sample.lon : null,
          speedKmh: Number.isNaN(sample.speed) ? null : sample.speed,
          courseDeg: Number.isNaN(sample.course) ? null : sample.course,
          x: point ? frame.left + point.x : null,
          y: point ? frame.top + point.y : null,
        };
      }),
    };
  }
}
