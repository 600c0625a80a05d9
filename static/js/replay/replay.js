/**
 * Playback: opens and closes a replay over the live map and joins its parts. Loaded when the first
 * replay is opened. The live feed goes on below, unseen.
 */
import { REDUCED_MOTION, byId } from "../layout.js";
import { readPalette } from "../palette.js";
import { readColours } from "./colours.js";
import { describe } from "./describe.js";
import { Framing } from "./framing.js";
import { Ghosts } from "./ghosts.js";
import { Panel } from "./panel.js";
import { usualRange } from "./place.js";
import { Places } from "./places.js";
import { Session } from "./session.js";
import { setUpShortcuts } from "./shortcuts.js";
import { Source } from "./source.js";
import { Timeline } from "./timeline.js";
import { TrackLayer } from "./tracklayer.js";
import { noteWords, speedWords } from "./words.js";

/** @typedef {import("../desk.js").Desk} Desk */
/** @typedef {import("../mapview.js").MapView} MapView */
/** @typedef {import("./place.js").ReplayPlace} ReplayPlace */
/** @typedef {import("./series.js").Sample} Sample */
/** @typedef {import("./session.js").Track} Track */

/** A click means a track that is nearer than this, px. */
const REACH_PX = 14;

/** Who asked for less movement sees a step a second instead of a glide, ms. */
const STILL_MS = 1000;

const PARTS = ["replay", "replay-flag", "replay-frame"];

/** Of the live page; out of reach meanwhile. */
const LIVE_PARTS = ["dock", "details", "dock-open", "filter-chip", "resume", "search", "counters"];

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
    this.framing = new Framing(view);
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
        this.framing.fit(this.session.tracks);
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
    setUpShortcuts(
      () => this.open,
      () => desk.keys.value,
      {
        close: () => {
          if (!this.panel.closeMenus()) desk.replay.value = null;
        },
        toggle: () => session.toggle(),
        stop: (step) => this.#step(step),
        follow: () => this.#setFollow(!this.#follow),
      },
    );
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
    if (desk.selectedSlot >= 0) byId("replay-start").focus({ preventScroll: true });
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
    panel.renderLegend();
    places.show(session.active.value?.pieces ?? []);
    this.layer.redrawSoon();
    if (!this.#fitted && this.#wantsFit && session.tracks.some(({ series }) => series.size > 0)) {
      const whole = session.tracks.every(({ state }) => state !== "loading");
      this.framing.fit(session.tracks);
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
    const strings = this.desk.strings.value;
    const active = session.active.value;
    /** @type {Sample | null} */
    let seen = null;
    for (const track of session.tracks) {
      const sample = track.series.at(at);
      if (track === active) seen = sample;
      this.ghosts.place(track, sample, {
        words: speedWords(sample, strings),
        active: track === active,
      });
    }
    this.timeline.place(at);
    this.places.mark(at);
    this.panel.renderNow(at, noteWords(active, seen, strings), seen?.untilMs ?? NaN);
    if (seen && session.playhead.playing && this.#follow)
      this.framing.keepInView(seen, session.playhead.rate);
  }

  /** @param {number} ms Unix */
  #tip(ms) {
    const active = this.session.active.value;
    const strings = this.desk.strings.value;
    const time = strings.clock(ms);
    return active ? `${time} · ${speedWords(active.series.at(ms), strings)}` : time;
  }

  /** @param {import("./source.js").Piece} piece */
  #goTo(piece) {
    const { session } = this;
    session.seek(piece.start);
    this.timeline.scale.reveal(piece.start);
    this.timeline.draw();
    const track = session.active.value;
    if (piece.kind === "trip" && track) this.framing.fit([track], piece.start, piece.end);
    else if (piece.place) this.framing.centre(piece.place);
    byId("replay").classList.remove("replay-listed");
    byId("replay-list-toggle").setAttribute("aria-expanded", "false");
  }

  /** @param {1 | -1} step */
  #step(step) {
    const stop = this.session.stepStop(step);
    if (stop) this.#goTo(stop);
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

  /** For tests: docs/page.md. */
  describe() {
    return this.open ? describe(this.session, this.view.map) : null;
  }
}
