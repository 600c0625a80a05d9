import assert from "node:assert/strict";
import { test } from "node:test";
import {
  GAP_MS,
  GLIDE_TICKS,
  glideEnd,
  isGap,
  progress,
  turnDeg,
  turnProgress,
  zoomEase,
} from "../../static/js/motion.js";
import { VehicleStore } from "../../static/js/store.js";

const T = 1000;

test("turns go the shorter way round", () => {
  assert.equal(turnDeg(350, 10), 20);
  assert.equal(turnDeg(10, 350), -20);
  assert.equal(turnDeg(0, 180), 180);
  assert.equal(turnDeg(-90, 630), 0);
  assert.equal(turnDeg(720, 1), 1);
});

test("a glide is over at its end and not before its start", () => {
  assert.deepEqual(
    [progress(5, 10, 20), progress(15, 10, 20), progress(20, 10, 20), progress(9, 9, 9)],
    [0, 0.5, 1, 1],
  );
  assert.ok(turnProgress(0.4) > 0.4);
  assert.equal(turnProgress(1), 1);
});

test("glides of a steady vehicle keep the rhythm of its fixes though ticks jitter", () => {
  let end = glideEnd(0, 0, 1e9, T);
  const ends = [end];
  for (let i = 1; i < 40; i += 1) {
    const jitter = i % 2 === 0 ? 120 : -120;
    end = glideEnd(i * T + jitter, end, T, T);
    ends.push(end);
  }
  const steps = ends.slice(20).map((e, i, all) => (i === 0 ? T : e - all[i - 1]));
  assert.ok(
    steps.every((step) => Math.abs(step - T) < 60),
    `${steps}`,
  );
});

test("a glide ends in the future, within two ticks, whatever the fixes say", () => {
  for (const dFix of [-5000, 0, 200, 1000, 30_000]) {
    for (const previousEnd of [-1e6, 0, 900, 1500]) {
      const end = glideEnd(1000, previousEnd, dFix, T);
      assert.ok(end > 1000 && end <= 1000 + 2 * T, `${dFix} ${previousEnd} ${end}`);
    }
  }
  assert.equal(glideEnd(1000, -1e6, 1000, T), 1000 + GLIDE_TICKS * T);
});

test("fixes too far apart in time or space are not joined", () => {
  assert.equal(isGap(30, 1000), false);
  assert.equal(isGap(101, 1000), true);
  assert.equal(isGap(5000, 60_000), false);
  assert.equal(isGap(1, GAP_MS + 1), true);
  assert.equal(isGap(50, 0), false, "two fixes of one second");
});

/** A store with one vehicle at 0°, 0°, heading north, on a flat world of degrees. */
function oneVehicle() {
  const time = { now: 0 };
  const store = new VehicleStore(
    (lat, lon, out) => {
      out[0] = lon;
      out[1] = -lat;
    },
    () => time.now,
  );
  const row = {
    handle: 1,
    cell: "0/0/0",
    group: "",
    id: "v",
    name: "V",
    device: "d",
    lat: 0,
    lon: 0,
    speed: 360,
  };
  store.begin();
  store.enter({ ...row, course: 0, fixMs: 0, state: 0, sinceMs: 0, flags: 0 });
  store.end();
  const move = (at, dLat, dLon, dFix, course) => {
    time.now = at;
    store.begin();
    store.move(1, dLat, dLon, dFix, 360, course);
    store.end();
  };
  return { store, move, c: store.columns };
}

test("a marker glides from where it is drawn, never past the last fix, and then holds", () => {
  const { store, move, c } = oneVehicle();
  move(1000, 0, 100, 1000, 900);
  const seen = [];
  for (let now = 1000; now <= 6000; now += 50) {
    store.place(0, now);
    seen.push(c.drawnX[0]);
  }
  assert.equal(seen[0], 0);
  assert.ok(
    seen.every((x, i) => i === 0 || x >= seen[i - 1]),
    "never backwards",
  );
  assert.equal(seen[seen.length - 1], 100 / 1e6, "exactly on the fix, not beyond");
  assert.ok(seen[10] > 0 && seen[10] < 100 / 1e6);
});

test("a new fix during a glide starts from the drawn place without a jump", () => {
  const { store, move, c } = oneVehicle();
  move(1000, 0, 100, 1000, 900);
  store.place(0, 1600);
  const drawn = c.drawnX[0];
  move(1600, 50, 0, 600, 0);
  store.place(0, 1600);
  assert.equal(c.drawnX[0], drawn);
  store.place(0, 9999);
  assert.deepEqual([c.drawnX[0], c.drawnY[0]], [100 / 1e6, -50 / 1e6]);
});

test("an implausible step is jumped and marked as a gap", () => {
  const { store, move, c } = oneVehicle();
  move(1000, 500_000, 0, 1000, 0);
  store.place(0, 1000);
  assert.equal(c.drawnY[0], -0.5);
  assert.equal(c.gap[0], 1);
  move(2000, 100, 0, 1000, 0);
  assert.equal(c.gap[0], 0);
});

test("without a course the heading is that of the step, and a step of noise has none", () => {
  const { move, c } = oneVehicle();
  move(1000, 0, 300, 1000, -1);
  assert.equal(Math.round(c.toCourse[0]), 90);
  move(2000, -10, 0, 1000, -1);
  assert.equal(Math.round(c.toCourse[0]), 90, "one metre");
  move(3000, -300, 0, 1000, -1);
  assert.equal(Math.abs(Math.round(c.toCourse[0])), 180);
});

test("with reduced motion markers jump from fix to fix", () => {
  const { store, move, c } = oneVehicle();
  store.smooth = false;
  move(1000, 0, 100, 1000, 900);
  store.place(0, 1000);
  assert.equal(c.drawnX[0], 100 / 1e6);
});

test("columns grow with the fleet and slots are used again", () => {
  const { store } = oneVehicle();
  const row = {
    cell: "0/0/0",
    group: "",
    name: "n",
    device: "d",
    lat: 5,
    lon: 6,
    speed: 0,
    course: -1,
    fixMs: 0,
    state: 2,
    sinceMs: 0,
    flags: 0,
  };
  store.begin();
  for (let i = 2; i <= 3000; i += 1) store.enter({ ...row, handle: i, id: `v${i}` });
  store.end();
  assert.equal(store.count, 3000);
  assert.equal(store.columns.lat[store.slotOf("v3000")], 5);
  assert.equal(store.columns.handle[store.slotOf("v")], 1, "what was there is kept");
  const freed = store.slotOf("v77");
  store.begin();
  store.leave(77);
  store.end();
  store.begin();
  store.enter({ ...row, handle: 5000, id: "new" });
  store.end();
  assert.equal(store.slotOf("new"), freed);
  assert.equal(store.size, 3000);
});

test("a zoom's curve starts and ends where it shall and runs ahead of time between", () => {
  assert.ok(zoomEase(0) < 1e-5 && zoomEase(1) > 1 - 1e-5);
  let before = 0;
  for (let t = 0.05; t < 1; t += 0.05) {
    const share = zoomEase(t);
    assert.ok(share > before && share > t);
    before = share;
  }
  // At s = 1/2 the curve cubic-bezier(0, 0, 0.25, 1) is at x = 0.21875, y = 0.5.
  assert.ok(Math.abs(zoomEase(0.21875) - 0.5) < 1e-4);
});
