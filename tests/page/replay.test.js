import assert from "node:assert/strict";
import { test } from "node:test";
import {
  MAX_RANGE_MS,
  MAX_VEHICLES,
  formatReplay,
  fromLocalField,
  parseReplay,
  presetRange,
  sound,
  toLocalField,
  usualRange,
} from "../../static/js/replay/place.js";
import { Playhead } from "../../static/js/replay/playhead.js";
import { Series, mixCourse, readBlock } from "../../static/js/replay/series.js";
import { readPiece, stepFor } from "../../static/js/replay/source.js";
import { envelope, speedClass, speedEdges, walk } from "../../static/js/replay/thin.js";
import { TimeScale } from "../../static/js/replay/timescale.js";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const BLOCK_MS = 600_000;
const T0 = 2_700_000 * BLOCK_MS;

/** Flat, so that numbers can be followed by eye. */
const project = (
  /** @type {number} */ lat,
  /** @type {number} */ lon,
  /** @type {Float64Array} */ out,
) => {
  out[0] = lon / 360;
  out[1] = -lat / 180;
};

/** Columns as the server sends them. @param {[number, number, number, number, number][]} fixes */
function columnsOf(fixes) {
  const delta = (/** @type {number} */ k, /** @type {number} */ factor) =>
    fixes.map((fix, i) => Math.round((fix[k] - (i > 0 ? fixes[i - 1][k] : 0)) * factor));
  return {
    t: delta(0, 1),
    lat: delta(1, 1e6),
    lon: delta(2, 1e6),
    speed: fixes.map((fix) => (fix[3] < 0 ? -1 : Math.round(fix[3] * 10))),
    course: fixes.map((fix) => (fix[4] < 0 ? -1 : Math.round(fix[4] * 10))),
  };
}

/** @param {[number, number, number, number, number][]} fixes ms from T0, lat, lon, km/h, degrees */
function seriesOf(fixes, from = T0, to = T0 + DAY) {
  const series = new Series(project, from, to, BLOCK_MS);
  const blocks = new Set(fixes.map(([ms]) => Math.floor((T0 + ms) / BLOCK_MS)));
  for (const block of blocks) {
    const start = block * BLOCK_MS;
    const inside = fixes
      .filter(([ms]) => Math.floor((T0 + ms) / BLOCK_MS) === block)
      .map(
        ([ms, ...rest]) =>
          /** @type {[number, number, number, number, number]} */ ([T0 + ms - start, ...rest]),
      );
    series.take(block, readBlock(columnsOf(inside), start));
  }
  series.join();
  return series;
}

test("a block's columns add up to what was sent, and what is unknown stays unknown", () => {
  const part = readBlock(
    columnsOf([
      [0, -33.868, 151.207, 36, 359.9],
      [1000, -33.8681, 151.2071, -1, -1],
      [2500, -33.8682, 151.2069, 0, 0],
    ]),
    T0,
  );
  assert.deepEqual([...part.t], [T0, T0 + 1000, T0 + 2500]);
  assert.ok(Math.abs(part.lat[2] + 33.8682) < 1e-9 && Math.abs(part.lon[2] - 151.2069) < 1e-9);
  assert.ok(Number.isNaN(part.speed[1]) && Number.isNaN(part.course[1]));
  assert.ok(Math.abs(part.course[0] - 359.9) < 1e-4);
  assert.equal(part.speed[2], 0);
});

test("blocks come in any order, and what lies outside the window is left out", () => {
  const series = new Series(project, T0 + 2000, T0 + BLOCK_MS + 1000, BLOCK_MS);
  const first = T0 / BLOCK_MS;
  const block = (/** @type {number} */ n) =>
    readBlock(
      columnsOf([
        [0, 10, 20, 30, 0],
        [2000, 10, 20, 30, 0],
        [4000, 10, 20, 30, 0],
      ]),
      T0 + n * BLOCK_MS,
    );
  series.await([first, first + 1]);
  series.take(first + 1, block(1));
  series.join();
  assert.equal(series.complete, false);
  assert.equal(series.at(T0 + 3000).state, "loading");
  series.take(first, block(0));
  series.join();
  assert.equal(series.complete, true);
  assert.deepEqual(
    [...series.part.t].map((t) => t - T0),
    [2000, 4000, BLOCK_MS],
  );
});

test("between two fixes a vehicle is on the straight line, and turns by the shorter way", () => {
  const series = seriesOf([
    [0, 10, 20, 30, 350],
    [10_000, 10.001, 20.002, 50, 10],
  ]);
  const sample = series.at(T0 + 2500);
  assert.equal(sample.state, "on");
  assert.ok(Math.abs(sample.lat - 10.00025) < 1e-9 && Math.abs(sample.lon - 20.0005) < 1e-9);
  assert.equal(sample.speed, 35);
  assert.ok(Math.abs(sample.course - 355) < 1e-3);
  assert.equal(mixCourse(350, 10, 0.75), 5);
  assert.equal(mixCourse(10, 350, 0.75), 355);
  assert.ok(Number.isNaN(mixCourse(NaN, 10, 0.5)));
});

test("over a gap it holds where it was last seen, without a speed, and says until when", () => {
  const series = seriesOf([
    [0, 10, 20, 30, 90],
    [60_000, 10, 20.1, 40, 90],
    [60_000 + 300_001, 10, 21, 50, 90],
  ]);
  assert.equal(series.at(T0 + 60_000).state, "on");
  const held = series.at(T0 + 200_000);
  assert.equal(held.state, "gap");
  assert.ok(Math.abs(held.lon - 20.1) < 1e-9);
  assert.ok(Number.isNaN(held.speed));
  assert.equal(held.untilMs, T0 + 360_001);
  series.gapMs = 400_000;
  assert.equal(series.at(T0 + 200_000).state, "on");
});

test("before the first and after the last fix nothing is known", () => {
  const series = seriesOf([
    [10_000, 10, 20, 30, 90],
    [20_000, 11, 21, 30, 90],
  ]);
  assert.deepEqual(
    [series.at(T0).state, series.at(T0).untilMs, series.at(T0).lat],
    ["before", T0 + 10_000, 10],
  );
  const after = series.at(T0 + 21_000);
  assert.deepEqual([after.state, after.lat], ["after", 11]);
  assert.ok(Number.isNaN(after.untilMs));
  assert.equal(new Series(project, T0, T0 + DAY).at(T0).state, "empty");
});

test("recorded time passes as quickly as the rate says, whatever the frames", () => {
  const head = new Playhead(T0, T0 + HOUR);
  head.rate = 60;
  head.play(1000);
  assert.equal(head.at(1016), T0 + 16 * 60);
  assert.equal(head.at(3000), T0 + 120_000);
  head.setRate(10, 3000);
  assert.equal(head.at(4000), T0 + 130_000);
  head.pause(4000);
  assert.equal(head.at(99_000), T0 + 130_000);
  head.seek(T0 - 5, 99_000);
  assert.equal(head.at(99_000), T0);
  head.setRate(600, 99_000);
  head.play(99_000);
  assert.equal(head.at(106_000), T0 + HOUR);
  assert.equal(head.playing, false);
  head.play(107_000);
  assert.equal(head.at(107_000), T0, "from the end it begins again");
});

test("the address of a replay is read as it was written", () => {
  const place = { vehicles: ["a1", "b2"], from: T0, to: T0 + HOUR, at: T0 + 5000 };
  assert.deepEqual(parseReplay(`#map=1/2/3&${formatReplay(place)}`), place);
  assert.equal(formatReplay(null), "");
  assert.equal(parseReplay("#map=1/2/3"), null);
  assert.equal(parseReplay("#replay=%3Cscript%3E"), null);
});

test("an address cannot ask for more than can be shown", () => {
  const many = Array.from({ length: 12 }, (_, i) => `v${i}`).join(",");
  assert.equal(parseReplay(`replay=${many},v0`)?.vehicles.length, MAX_VEHICLES);
  const month = parseReplay("replay=a&from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z");
  assert.deepEqual([month?.from, month?.to], [null, null]);
  const backwards = parseReplay("replay=a&from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z&at=x");
  assert.deepEqual([backwards?.from, backwards?.at], [null, null]);
});

test("ranges: presets, the usual one, and what a field can say", () => {
  const now = new Date(2026, 2, 4, 15, 30).getTime();
  const midnight = new Date(2026, 2, 4).getTime();
  assert.deepEqual(presetRange("hour", now), { from: now - HOUR, to: now });
  assert.deepEqual(presetRange("today", now), { from: midnight, to: now });
  const yesterday = presetRange("yesterday", now);
  assert.deepEqual(yesterday, { from: new Date(2026, 2, 3).getTime(), to: midnight });
  assert.deepEqual(usualRange(now - 5000, now), presetRange("hour", now));
  assert.deepEqual(usualRange(yesterday.from + HOUR, now), yesterday);
  assert.equal(fromLocalField(toLocalField(now)), now);
  assert.equal(fromLocalField(""), null);
  assert.deepEqual(sound(now, now - HOUR), { from: now - HOUR, to: now });
  assert.equal(sound(now - 30 * DAY, now).from, now - MAX_RANGE_MS);
  assert.ok(sound(now, now).to > now);
});

test("the timeline: place and moment are each other's inverse, and zooming keeps its point", () => {
  const scale = new TimeScale(T0, T0 + DAY);
  scale.left = 40;
  scale.width = 1000;
  assert.equal(scale.msOf(scale.xOf(T0 + HOUR)), T0 + HOUR);
  const around = T0 + 6 * HOUR;
  const x = scale.xOf(around);
  scale.zoom(4, around);
  assert.ok(Math.abs(scale.xOf(around) - x) < 1e-6);
  assert.equal(scale.end - scale.start, DAY / 4);
  scale.pan(-2 * DAY);
  assert.deepEqual([scale.start, scale.end], [T0, T0 + DAY / 4]);
  assert.equal(scale.reveal(T0 + HOUR), false);
  assert.equal(scale.reveal(T0 + 20 * HOUR), true);
  assert.ok(scale.start <= T0 + 20 * HOUR && scale.end >= T0 + 20 * HOUR);
  scale.zoom(0.001, around);
  assert.deepEqual([scale.start, scale.end], [T0, T0 + DAY]);
});

test("marks of the ruler stand on round local times and far enough apart", () => {
  const scale = new TimeScale(T0, T0 + DAY);
  scale.width = 1000;
  const offset = 5.5 * HOUR;
  const { step, marks } = scale.ticks(76, () => offset);
  assert.ok(marks.length >= 6);
  for (const ms of marks) assert.equal((ms + offset) % step, 0);
  assert.ok(scale.xOf(marks[1]) - scale.xOf(marks[0]) >= 76);
});

test("a day at one a second is thinned to the screen without losing its extremes", () => {
  /** @type {[number, number, number, number, number][]} */
  const fixes = Array.from({ length: 86_400 }, (_, s) => [
    s * 1000,
    10 + s * 1e-5,
    20,
    s === 40_000 ? 180 : 30 + (s % 7),
    0,
  ]);
  const series = seriesOf(fixes);
  assert.equal(series.size, 86_400);
  assert.equal(series.topKmh, 180);
  const scale = new TimeScale(T0, T0 + DAY);
  scale.width = 1200;
  const { low, high } = envelope(series, scale);
  assert.equal(high.length, 1200);
  assert.equal(Math.max(...high), 180);
  assert.equal(Math.min(...low), 30);
  let pieces = 0;
  let last = 0;
  walk(
    series,
    2e-6,
    (from, to) => {
      assert.equal(from, last, "pieces follow each other");
      last = to;
      pieces += 1;
    },
    () => assert.fail("there is no gap"),
  );
  assert.equal(last, 86_399);
  assert.ok(pieces < 3000, `${pieces} pieces`);
});

test("no piece of a track bridges a gap", () => {
  const series = seriesOf([
    [0, 10, 20, 30, 0],
    [1000, 10.1, 20, 30, 0],
    [400_000, 11, 20, 30, 0],
    [401_000, 11.1, 20, 30, 0],
  ]);
  /** @type {string[]} */
  const drawn = [];
  walk(
    series,
    1e-9,
    (from, to) => drawn.push(`${from}-${to}`),
    (from, to) => drawn.push(`gap ${from}-${to}`),
  );
  assert.deepEqual(drawn, ["0-1", "gap 1-2", "2-3"]);
});

test("classes of speed suit what was driven", () => {
  const road = speedEdges(125);
  assert.deepEqual(
    [0, 9.9, 10, 109, 110, 300].map((kmh) => speedClass(kmh, road)),
    [0, 0, 1, 5, 6, 6],
  );
  assert.equal(speedClass(NaN, road), -1);
  assert.ok(speedEdges(6)[5] <= 6);
});

test("a dense week is asked for in steps, a day is not", () => {
  const block = (/** @type {number} */ perMinute) => ({
    block: 0,
    minutes: Array(10).fill(perMinute),
  });
  assert.equal(stepFor(Array(144).fill(block(60))), 0);
  const step = stepFor(Array(1008).fill(block(60)));
  assert.ok(step >= 3 && step <= 60);
  assert.ok((1008 * 600) / step <= 200_000);
});

test("pieces of the timeline are read in the page's units", () => {
  const piece = readPiece({
    kind: "trip",
    start_time: "2026-03-01T08:00:00.000Z",
    end_time: "2026-03-01T08:10:00.000Z",
    start: { lat: 1, lon: 2 },
    distance_m: 5000,
    mean_speed_kmh: 30,
    max_speed_kmh: null,
    idle_s: 12,
  });
  assert.equal(piece.end - piece.start, 600_000);
  assert.deepEqual(piece.place, { lat: 1, lon: 2 });
  assert.deepEqual([piece.distanceM, piece.maxKmh, piece.idleMs], [5000, null, 12_000]);
});
