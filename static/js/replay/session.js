/**
 * A replay: its vehicles, its range of time and its moment. It loads what they need and tells the
 * parts of the page when something of it changed; it knows none of them.
 */
import { Signal, Topic } from "../signal.js";
import { MAX_VEHICLES, sound } from "./place.js";
import { Playhead } from "./playhead.js";
import { Series } from "./series.js";
import { speedEdges } from "./thin.js";

/** Positions that come in are joined this often at most, ms. */
const JOIN_EVERY_MS = 200;

/** @typedef {import("./source.js").ManifestBlock} ManifestBlock */
/** @typedef {import("./source.js").Piece} Piece */

/** One vehicle of a replay. */
export class Track {
  /** @type {Piece[]} */ pieces = [];
  /** @type {ManifestBlock[]} */ blocks = [];
  blockMs = 600_000;
  loadedBlocks = 0;
  /** @type {"loading" | "ready" | "failed"} */ state = "loading";
  error = "";
  abort = new AbortController();

  /** @param {string} id @param {number} colour index @param {Series} series */
  constructor(id, colour, series) {
    this.id = id;
    this.name = id;
    this.colour = colour;
    this.series = series;
  }

  /** Stops in order of time. */
  get stops() {
    return this.pieces.filter(({ kind }) => kind === "stop");
  }
}

export class Session {
  /** @type {Track[]} */ tracks = [];
  /** The vehicle that list, export and following are of. */
  active = new Signal(/** @type {Track | null} */ (null));
  playhead = new Playhead(0, 0);
  /** Vehicles or range changed. */
  changed = new Topic();
  /** Positions or pieces came. */
  loaded = new Topic();
  /** Another moment than play alone would have come to, or play began or ended. */
  moved = new Topic();
  #joinTimer = 0;
  #wantedMs = /** @type {number | null} */ (null);

  /**
   * @param {import("./source.js").Source} source
   * @param {(lat: number, lon: number, out: Float64Array) => void} project
   */
  constructor(source, project) {
    this.source = source;
    this.project = project;
  }

  get from() {
    return this.playhead.fromMs;
  }

  get to() {
    return this.playhead.toMs;
  }

  /** Highest speed of all vehicles, km/h. */
  get topKmh() {
    return this.tracks.reduce((top, { series }) => Math.max(top, series.topKmh), 0);
  }

  /** Bounds of the classes of speed. */
  get edges() {
    return speedEdges(this.topKmh);
  }

  /** The moment shown, Unix ms. */
  now() {
    return this.playhead.at(performance.now());
  }

  /** @param {string[]} ids @param {{from: number, to: number}} range @param {number | null} at */
  open(ids, range, at) {
    this.close();
    this.#setPlayhead(range, at);
    this.#load(ids.slice(0, MAX_VEHICLES));
  }

  /** @param {number} from @param {number} to Unix ms */
  setRange(from, to) {
    const ids = this.tracks.map(({ id }) => id);
    const activeId = this.active.value?.id;
    const at = this.now();
    this.close();
    const range = sound(from, to);
    this.#setPlayhead(range, at >= range.from && at <= range.to ? at : null);
    this.#load(ids, activeId);
  }

  /** @param {{from: number, to: number}} range @param {number | null} at */
  #setPlayhead({ from, to }, at) {
    const { rate } = this.playhead;
    this.playhead = new Playhead(from, to);
    this.playhead.rate = rate;
    this.#wantedMs = at;
    if (at !== null) this.playhead.seek(at, performance.now());
  }

  /** @param {string[]} ids @param {string} [activeId] */
  #load(ids, activeId) {
    for (const id of ids) this.#add(id);
    this.active.value = this.tracks.find(({ id }) => id === activeId) ?? this.tracks[0] ?? null;
    this.changed.publish(undefined);
  }

  /** @param {string} id */
  add(id) {
    if (this.tracks.length >= MAX_VEHICLES || this.tracks.some((track) => track.id === id)) return;
    this.#add(id);
    this.changed.publish(undefined);
  }

  /** @param {Track} track */
  remove(track) {
    if (this.tracks.length < 2) return;
    track.abort.abort();
    this.tracks = this.tracks.filter((other) => other !== track);
    if (this.active.value === track) this.active.value = this.tracks[0];
    this.changed.publish(undefined);
  }

  close() {
    for (const track of this.tracks) track.abort.abort();
    this.tracks = [];
    this.active.value = null;
    window.clearTimeout(this.#joinTimer);
    this.#joinTimer = 0;
  }

  /** @param {number} ms Unix */
  seek(ms) {
    this.#wantedMs = ms;
    this.playhead.seek(ms, performance.now());
    this.moved.publish(undefined);
  }

  toggle() {
    const now = performance.now();
    if (this.playhead.playing) this.playhead.pause(now);
    else this.playhead.play(now);
    this.moved.publish(undefined);
  }

  /** @param {number} rate */
  setRate(rate) {
    this.playhead.setRate(rate, performance.now());
    this.moved.publish(undefined);
  }

  /** To the stop before or after the moment. @param {1 | -1} step @returns {Piece | null} */
  stepStop(step) {
    const at = this.now();
    const stops = this.active.value?.stops ?? [];
    const stop =
      step > 0
        ? stops.find(({ start }) => start > at + 500)
        : stops.findLast(({ start }) => start < at - 500);
    if (stop) this.seek(stop.start);
    return stop ?? null;
  }

  /** First and last moment with data, over all vehicles; null while there is none. */
  extent() {
    let first = Infinity;
    let last = -Infinity;
    for (const { blocks, blockMs } of this.tracks) {
      for (const { block, minutes } of blocks) {
        const minuteMs = blockMs / minutes.length;
        const used = minutes.map((count, i) => (count > 0 ? i : -1)).filter((i) => i >= 0);
        if (used.length === 0) continue;
        first = Math.min(first, block * blockMs + used[0] * minuteMs);
        last = Math.max(last, block * blockMs + (used[used.length - 1] + 1) * minuteMs);
      }
    }
    if (first > last) return null;
    return { first: Math.max(this.from, first), last: Math.min(this.to, last) };
  }

  /** @param {string} id */
  #add(id) {
    const taken = new Set(this.tracks.map(({ colour }) => colour));
    let colour = 0;
    while (taken.has(colour)) colour += 1;
    const track = new Track(id, colour, new Series(this.project, this.from, this.to));
    this.tracks.push(track);
    void this.#fetch(track);
  }

  /** @param {Track} track */
  async #fetch(track) {
    const { id, abort, series } = track;
    const { signal } = abort;
    try {
      const [vehicle, manifest, timeline] = await Promise.all([
        this.source.vehicle(id, signal),
        this.source.manifest(id, this.from, this.to, signal),
        this.source.timeline(id, this.from, this.to, signal),
      ]);
      track.name = vehicle.name;
      track.pieces = timeline.pieces;
      track.blocks = manifest.blocks;
      track.blockMs = series.blockMs = manifest.blockMs;
      series.gapMs = timeline.gapMs;
      series.await(manifest.blocks.map(({ block }) => block));
      this.#begin();
      this.loaded.publish(undefined);
      await this.source.blocks(id, manifest.blocks, {
        near: this.now() / manifest.blockMs,
        signal,
        take: (block, part) => {
          series.take(block, part);
          track.loadedBlocks += 1;
          this.#joinSoon();
        },
      });
      series.join();
      track.state = "ready";
    } catch (error) {
      if (signal.aborted) return;
      track.state = "failed";
      track.error = error instanceof Error ? error.message : String(error);
      abort.abort();
    }
    this.loaded.publish(undefined);
  }

  /** Until the viewer chose a moment, it is the first with data. */
  #begin() {
    const extent = this.extent();
    if (this.#wantedMs === null && extent && !this.playhead.playing)
      this.playhead.seek(this.#firstFixMs() ?? extent.first, performance.now());
  }

  /** Start of the first piece that is no gap. */
  #firstFixMs() {
    const starts = this.tracks.flatMap(({ pieces }) =>
      pieces.filter(({ kind }) => kind !== "gap").map(({ start }) => start),
    );
    return starts.length > 0 ? Math.min(...starts) : null;
  }

  #joinSoon() {
    if (this.#joinTimer !== 0) return;
    this.#joinTimer = window.setTimeout(() => {
      this.#joinTimer = 0;
      for (const track of this.tracks) if (track.state === "loading") track.series.join();
      this.loaded.publish(undefined);
    }, JOIN_EVERY_MS);
  }
}
