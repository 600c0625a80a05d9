import assert from "node:assert/strict";
import { test } from "node:test";
import { ALARM_RANK, Atlas, DRAW_RANK, HEADINGS } from "../../static/js/atlas.js";
import { over } from "../../static/js/blitter.js";
import { distanceM, latOf, lonOf, worldX, worldY } from "../../static/js/geo.js";
import { decimalsOf, fineSpacingDeg, label, lines, spacingDeg } from "../../static/js/graticule.js";
import { HitGrid } from "../../static/js/hitgrid.js";
import { LEVELS_MS, Pace } from "../../static/js/pace.js";
import { BUSY_FROM, Roads } from "../../static/js/roads.js";
import { TRAIL_MS, TRAIL_POINTS, Trails } from "../../static/js/trails.js";

test("web mercator: corners, equator and back", () => {
  assert.deepEqual([worldX(-180), worldX(0), worldX(180)], [0, 0.5, 1]);
  assert.ok(Math.abs(worldY(0) - 0.5) < 1e-15);
  assert.ok(Math.abs(worldY(85.0511287798)) < 1e-9);
  assert.ok(Math.abs(worldY(90)) < 1e-9, "clamped");
  for (const [lat, lon] of [
    [22.54, 114.059],
    [-33.9, -70.6],
    [80, 0.001],
  ]) {
    assert.ok(Math.abs(latOf(worldY(lat)) - lat) < 1e-10);
    assert.ok(Math.abs(lonOf(worldX(lon)) - lon) < 1e-10);
  }
  // One degree of a great circle of the mean sphere.
  assert.ok(Math.abs(distanceM(0, 0, 0, 1) - 111_195.08) < 0.1);
  assert.ok(Math.abs(distanceM(60, 179.9, 60, -179.9) - 0.2 * 111_195.08 * 0.5) < 5);
});

test("graticule: lines stay apart, labels tell them apart", () => {
  const letters = { north: "N", south: "S", east: "E", west: "W" };
  for (let zoom = 2; zoom <= 19; zoom += 0.25) {
    const perDegree = (256 * 2 ** zoom) / 360;
    const spacing = spacingDeg(perDegree);
    assert.ok(spacing === 30 || spacing * perDegree >= 150, `zoom ${zoom}`);
    assert.ok(fineSpacingDeg(spacing) < spacing);
    const pair = [
      label(spacing, spacing, letters, "lat"),
      label(2 * spacing, spacing, letters, "lat"),
    ];
    assert.notEqual(pair[0], pair[1]);
  }
  assert.deepEqual(lines(-0.011, 0.011, 0.005), [-0.01, -0.005, 0, 0.005, 0.01]);
  assert.equal(decimalsOf(0.05), 2);
  assert.equal(decimalsOf(20), 0);
  assert.equal(label(-22.55, 0.05, letters, "lat"), "22.55°S");
  assert.equal(label(190, 10, letters, "lon"), "170°W", "a second copy of the world");
  assert.equal(label(0, 10, letters, "lon"), "0°");
  assert.ok(lines(-1e9, 1e9, 0.001).length <= 101, "never without end");
});

test("hit grid finds the nearest of many within reach, as a search through all does", () => {
  const count = 5000;
  const x = new Float32Array(count);
  const y = new Float32Array(count);
  let seed = 7;
  const random = () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
  for (let i = 0; i < count; i += 1) {
    x[i] = random() * 1000;
    y[i] = random() * 700;
  }
  const grid = new HitGrid();
  grid.build(1000, 700, x, y, count);
  for (let k = 0; k < 300; k += 1) {
    const [px, py, reach] = [random() * 1000, random() * 700, 4 + random() * 20];
    let best = Infinity;
    for (let i = 0; i < count; i += 1) best = Math.min(best, Math.hypot(x[i] - px, y[i] - py));
    const hit = grid.nearest(px, py, reach);
    if (best > reach + 1e-3) assert.equal(hit, -1);
    else assert.ok(hit >= 0 && Math.abs(Math.hypot(x[hit] - px, y[hit] - py) - best) < 1e-3);
  }
});

test("hit grid: nothing there, and of two at one place the one drawn last", () => {
  const grid = new HitGrid();
  assert.equal(grid.nearest(5, 5, 14), -1);
  grid.build(100, 100, Float32Array.of(50, 50), Float32Array.of(50, 50), 2);
  assert.equal(grid.nearest(52, 50, 14), 1);
  assert.equal(grid.nearest(80, 50, 14), -1);
});

test("each heading, state and alarm has a picture of its own; alarms are drawn last", () => {
  const pictures = new Set();
  for (const alarm of [false, true]) {
    for (let heading = 0; heading < HEADINGS; heading += 1)
      pictures.add(Atlas.pick(0, heading * 5, alarm));
    for (const state of [0, 1, 2, 3, 4]) pictures.add(Atlas.pick(state, NaN, alarm));
  }
  assert.equal(pictures.size, 2 * (HEADINGS + 5));
  assert.equal(Atlas.pick(0, 359, false), Atlas.pick(0, 0, false));
  assert.equal(Atlas.pick(0, -90, false), Atlas.pick(0, 270, false));
  assert.equal(
    Atlas.pick(2, 90, false),
    Atlas.pick(2, NaN, false),
    "parked vehicles have no heading",
  );
  assert.ok(DRAW_RANK.every((rank) => rank < ALARM_RANK));
  assert.ok(DRAW_RANK[0] > DRAW_RANK[4], "moving lies above offline");
});

test("pixels over pixels: clear, solid, half", () => {
  const rgba = (r, g, b, a) => ((a << 24) | (b << 16) | (g << 8) | r) >>> 0;
  const parts = (p) => [p & 255, (p >>> 8) & 255, (p >>> 16) & 255, p >>> 24];
  assert.deepEqual(parts(over(rgba(10, 20, 30, 255), rgba(200, 200, 200, 255))), [10, 20, 30, 255]);
  const [r, g, b, a] = parts(over(rgba(255, 0, 100, 128), rgba(1, 255, 100, 255)));
  assert.ok(
    Math.abs(r - 128) <= 2 && Math.abs(g - 127) <= 2 && Math.abs(b - 100) <= 1 && a === 255,
    `${r} ${g} ${b} ${a}`,
  );
  const [, , , thin] = parts(over(rgba(9, 9, 9, 128), rgba(9, 9, 9, 128)));
  assert.ok(Math.abs(thin - 192) <= 1);
});

test("the draw rate falls when frames are dear and rises again when they are cheap", () => {
  const pace = new Pace();
  let now = 0;
  const run = (cost, frames) => {
    for (let i = 0; i < frames; i += 1) {
      now += LEVELS_MS[pace.level];
      assert.ok(pace.due(now));
      pace.spent(now, cost);
    }
  };
  run(5, 100);
  assert.equal(pace.rate, 60);
  run(18, 60);
  assert.equal(pace.rate, 30);
  run(60, 60);
  assert.equal(pace.rate, 12);
  assert.equal(pace.due(now + 40), false);
  run(2, 200);
  assert.equal(pace.rate, 60);
  run(100, 1);
  assert.equal(pace.rate, 60, "one hiccup changes nothing");
});

const M = 1 / 40_075_017;

test("streets: every vehicle's way is kept once, later passages make it busier", () => {
  const roads = new Roads();
  for (let lap = 0; lap < BUSY_FROM + 20; lap += 1) {
    const back = lap % 2 === 1;
    for (let i = 0; i < 100; i += 1) {
      const [a, b] = [0.5 + i * 14 * M, 0.5 + (i + 1) * 14 * M];
      roads.add(back ? b : a, 0.5, back ? a : b, 0.5);
    }
  }
  assert.ok(roads.count <= 400, `${roads.count} pieces`);
  assert.ok(roads.isBusy(0));
  assert.equal(roads.takeFresh().length, roads.count);
  assert.deepEqual(roads.takeFresh(), []);
});

test("streets: memory is bounded, the oldest pieces go first", () => {
  const roads = new Roads(100);
  for (let i = 0; i < 250; i += 1) roads.add(0.1 + i * 40 * M, 0.3, 0.1 + (i * 40 + 14) * M, 0.3);
  assert.equal(roads.count, 100);
  const starts = Array.from({ length: 100 }, (_, piece) =>
    Math.round((roads.ends[4 * piece] - 0.1) / (40 * M)),
  );
  assert.deepEqual([Math.min(...starts), Math.max(...starts)], [150, 249]);
});

test("a trail keeps five minutes of a drive with its turns, newest first, gaps marked", () => {
  const trails = new Trails(1_000_000);
  let x = 0;
  let y = 0;
  for (let s = 0; s < 400; s += 1) {
    if (Math.floor(s / 20) % 2 === 0) x += 14 * M;
    else y += 14 * M;
    trails.push(3, x, y, 1_000_000 + s * 1000, s === 300);
  }
  const seen = [];
  trails.backwards(3, 1_000_000 + 399_000 - TRAIL_MS, (px, py, seconds, gap) =>
    seen.push({ px, py, seconds, gap }),
  );
  assert.deepEqual([seen[0].px, seen[0].py], [x, y]);
  assert.ok(seen.every(({ seconds }, i) => i === 0 || seconds < seen[i - 1].seconds));
  assert.ok(seen[seen.length - 1].seconds <= 110, "reaches back nearly to the limit");
  assert.ok(seen.length <= TRAIL_POINTS);
  assert.equal(seen.filter(({ gap }) => gap).length, 1);
  const corners = seen.filter(({ seconds }) => seconds % 20 === 19).length;
  assert.ok(corners >= 12, `${corners} of 15 corners`);
  trails.clear(3);
  trails.backwards(3, 0, () => assert.fail("cleared"));
});

test("a standing vehicle does not push its drive out of the trail", () => {
  const trails = new Trails(0);
  for (let s = 0; s < 60; s += 1) trails.push(0, s * 14 * M, 0, s * 1000, false);
  for (let s = 60; s < 290; s += 1) trails.push(0, 59 * 14 * M, 0, s * 1000, false);
  let oldest = Infinity;
  trails.backwards(0, 0, (_x, _y, seconds) => (oldest = seconds));
  assert.ok(oldest < 5);
});

test("a stored track goes before what was seen, and is joined to it unless time passed", () => {
  const trails = new Trails(0);
  for (let s = 100; s < 110; s += 1) trails.push(0, s * 14 * M, 0, s * 1000, false);
  const older = [];
  for (let s = 0; s < 105; s += 1) older.push({ x: s * 14 * M, y: 0, ms: s * 1000, gap: s === 0 });
  trails.backfill(0, older);
  const seen = [];
  trails.backwards(0, 0, (x, _y, seconds, gap) => seen.push({ x, seconds, gap }));
  assert.equal(seen[0].seconds, 109);
  assert.ok(seen[seen.length - 1].seconds <= 5);
  assert.ok(
    seen.every(({ seconds }, i) => i === 0 || seconds < seen[i - 1].seconds),
    "in order",
  );
  assert.deepEqual(seen.filter(({ gap }) => gap).length, 1, "only the oldest begins a trail");
  trails.clear(0);
  trails.push(0, 0.5, 0.5, 900_000, false);
  trails.backfill(0, older.slice(0, 10));
  const gaps = [];
  trails.backwards(0, 0, (_x, _y, seconds, gap) => gap && gaps.push(seconds));
  assert.deepEqual(gaps, [900, 0]);
});
