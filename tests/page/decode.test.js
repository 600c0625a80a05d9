import assert from "node:assert/strict";
import { test } from "node:test";
import { FeedError, applyTick, parseMessage, readHello } from "../../static/js/decode.js";
import { VehicleStore } from "../../static/js/store.js";

const HELLO = readHello({
  type: "hello",
  version: 1,
  node: "a",
  epoch: "e",
  time_ms: 5,
  tick_interval_ms: 1000,
  states: ["moving", "idle", "parked", "stale", "offline"],
});

/** A store on a flat world: x is longitude, y latitude. */
function makeStore() {
  const time = { now: 0 };
  const store = new VehicleStore(
    (lat, lon, out) => {
      out[0] = lon;
      out[1] = lat;
    },
    () => time.now,
  );
  return { store, time };
}

function status(more = {}) {
  return {
    kind: "status",
    time_ms: 1_000_004,
    feed: "live",
    conflated: 0,
    counts: [1, 1, 0, 0, 0],
    ...more,
  };
}

const VIEW = { kind: "view", reset: true, cells: ["0/0/0"], groups: [""] };

function enter(overrides = {}) {
  return {
    n: [3, 4],
    id: ["aa", "bb"],
    name: ["Truck 1", "粤B·12345"],
    device: ["111", "222"],
    lat: [22_540_000, 22_541_320],
    lon: [114_059_000, 114_060_001],
    speed: [365, -1],
    course: [900, -1],
    age: [820, -40],
    state: [0, 2],
    since: [61_000, 905_000],
    flags: [3, 6],
    ...overrides,
  };
}

function cell(more, name = "0/0/0") {
  return { kind: "cell", cell: name, group: "", ...more };
}

function tick(number, ...parts) {
  return { type: "tick", tick: number, parts: [status(), ...parts] };
}

test("enter: handles are differences, times count back from the tick's own time", () => {
  const { store } = makeStore();
  const summary = applyTick(tick(1000, VIEW, cell({ enter: enter() })), HELLO, store);
  assert.deepEqual(summary.counts, [1, 1, 0, 0, 0]);
  const a = store.slotOf("aa");
  const b = store.slotOf("bb");
  const c = store.columns;
  assert.deepEqual([c.handle[a], c.handle[b]], [3, 7]);
  assert.deepEqual([c.lat[b], c.lon[b]], [22_541_320, 114_060_001]);
  assert.equal(c.fixMs[a], 1_000_000 - 820);
  assert.equal(c.fixMs[b], 1_000_000 + 40, "a device's clock may be ahead");
  assert.equal(c.sinceMs[b], 1_000_000 - 905_000);
  assert.deepEqual([c.speed[a], c.speed[b], c.course[b]], [365, -1, -1]);
  assert.deepEqual([c.state[a], c.state[b], c.flags[b]], [0, 2, 6]);
  assert.equal(store.names[b], "粤B·12345");
});

test("move adds differences exactly, state replaces, other vehicles stay", () => {
  const { store } = makeStore();
  applyTick(tick(1000, VIEW, cell({ enter: enter() })), HELLO, store);
  const move = {
    n: [3, 4],
    lat: [-5, 7],
    lon: [12, -9],
    fix: [1000, 2500],
    speed: [401, 12],
    course: [3599, -1],
  };
  const state = { n: [7], state: [1], since: [300], flags: [1] };
  applyTick(tick(1001, cell({ move, state })), HELLO, store);
  const c = store.columns;
  const a = store.slotOf("aa");
  const b = store.slotOf("bb");
  assert.deepEqual(
    [c.lat[a], c.lon[a], c.lat[b], c.lon[b]],
    [22_539_995, 114_059_012, 22_541_327, 114_059_992],
  );
  assert.deepEqual([c.fixMs[a], c.fixMs[b]], [1_000_180, 1_002_540]);
  assert.deepEqual([c.speed[a], c.course[a], c.speed[b], c.course[b]], [401, 3599, 12, -1]);
  assert.deepEqual([c.state[a], c.state[b], c.flags[b], c.sinceMs[b]], [0, 1, 1, 1_000_700]);
  assert.deepEqual(store.moved.sort(), [a, b].sort());
});

test("from one cell to the next a vehicle keeps its slot; one that leaves is forgotten", () => {
  const { store } = makeStore();
  const view = { ...VIEW, cells: ["1/0/0", "1/1/0"] };
  applyTick(tick(1000, view, cell({ enter: enter() }, "1/0/0")), HELLO, store);
  const slot = store.slotOf("aa");
  const one = Object.fromEntries(
    Object.entries(enter()).map(([key, column]) => [key, column.slice(0, 1)]),
  );
  // The enter stands before the leave: leaves are worked through first all the same.
  const parts = [
    cell({ enter: { ...one, lat: [22_540_010] } }, "1/1/0"),
    cell({ leave: [3, 7] }, "1/0/0"),
  ];
  applyTick(tick(1001, ...parts), HELLO, store);
  assert.equal(store.slotOf("aa"), slot);
  assert.equal(store.columns.lat[slot], 22_540_010);
  assert.equal(store.cells[slot], "1/1/0");
  assert.equal(store.slotOf("bb"), -1);
  assert.deepEqual(
    store.left.map(({ id }) => id),
    ["bb"],
  );
  assert.equal(store.count, 1);
});

test("view without reset forgets what lies in cells and groups that are not listed", () => {
  const { store } = makeStore();
  const parts = [cell({ enter: enter({ id: ["aa", "bb"] }) }, "1/0/0")];
  parts.push({
    ...cell({ enter: enter({ n: [20, 1], id: ["cc", "dd"] }) }, "1/1/0"),
    group: "north",
  });
  applyTick(
    tick(1000, { ...VIEW, cells: ["1/0/0", "1/1/0"], groups: ["", "north"] }, ...parts),
    HELLO,
    store,
  );
  assert.equal(store.count, 4);
  applyTick(
    tick(1001, { kind: "view", reset: false, cells: ["1/0/0", "1/1/0"], groups: [""] }),
    HELLO,
    store,
  );
  assert.deepEqual([store.slotOf("aa") >= 0, store.slotOf("cc")], [true, -1]);
  applyTick(
    tick(1002, { kind: "view", reset: false, cells: ["1/1/0"], groups: [""] }),
    HELLO,
    store,
  );
  assert.equal(store.count, 0);
});

test("reset forgets everything that does not come again, and keeps the slots of what does", () => {
  const { store } = makeStore();
  applyTick(tick(1000, VIEW, cell({ enter: enter() })), HELLO, store);
  const slot = store.slotOf("bb");
  store.forgetHandles();
  const again = Object.fromEntries(
    Object.entries(enter({ n: [9, 1] })).map(([key, column]) => [key, column.slice(1)]),
  );
  applyTick(tick(1009, VIEW, cell({ enter: { ...again, n: [1] } })), HELLO, store);
  assert.equal(store.slotOf("aa"), -1);
  assert.equal(store.slotOf("bb"), slot);
  assert.equal(store.columns.handle[slot], 1);
  applyTick(
    tick(1010, cell({ move: { n: [1], lat: [1], lon: [0], fix: [1], speed: [0], course: [0] } })),
    HELLO,
    store,
  );
  assert.equal(store.columns.lat[slot], 22_541_321);
});

test("a handle that is entered with another id stands for the other vehicle", () => {
  const { store } = makeStore();
  applyTick(tick(1000, VIEW, cell({ enter: enter() })), HELLO, store);
  applyTick(tick(1001, cell({ enter: enter({ id: ["cc", "bb"] }) })), HELLO, store);
  assert.equal(store.slotOf("aa"), -1);
  assert.equal(store.columns.handle[store.slotOf("cc")], 3);
  assert.equal(store.count, 2);
});

test("unknown parts, columns and events are ignored; events and errors are passed on", () => {
  const { store } = makeStore();
  const events = [
    { id: "1", event: "alarm", vehicle: "aa", name: "sos", time_ms: 5, lat: 1, lon: 2 },
    { event: "new" },
  ];
  const summary = applyTick(
    tick(
      1000,
      { kind: "weather", rain: true },
      VIEW,
      cell({ enter: { ...enter(), colour: ["red", "blue"] }, merge: {} }),
      { kind: "events", events },
      { kind: "error", code: "bad_message", detail: "x" },
    ),
    HELLO,
    store,
  );
  assert.equal(store.count, 2);
  assert.deepEqual(summary.events, events);
  assert.deepEqual(summary.errors, ["bad_message: x"]);
});

test("states are told by name, not by position", () => {
  const hello = readHello({
    ...JSON.parse('{"version":1,"time_ms":1,"tick_interval_ms":500}'),
    states: ["offline", "moving"],
  });
  const { store } = makeStore();
  const message = tick(2000, VIEW, cell({ enter: enter({ state: [1, 0] }) }));
  message.parts[0] = status({ counts: [4, 6] });
  const summary = applyTick(message, hello, store);
  assert.deepEqual(summary.counts, [6, 0, 0, 0, 4]);
  assert.equal(store.columns.state[store.slotOf("bb")], 4);
  assert.equal(
    store.columns.fixMs[store.slotOf("aa")],
    1_000_000 - 820,
    "2000 ticks of half a second",
  );
});

const WRONG = {
  "columns of different length": () => cell({ enter: enter({ lat: [1] }) }),
  "a missing column": () => cell({ enter: enter({ since: undefined }) }),
  "a fraction where a whole number belongs": () => cell({ enter: enter({ lon: [1.5, 2] }) }),
  "a number where a text belongs": () => cell({ enter: enter({ name: [1, "x"] }) }),
  "a state code that hello did not name": () => cell({ enter: enter({ state: [0, 9] }) }),
  "a move of an unknown handle": () =>
    cell({ move: { n: [99], lat: [0], lon: [0], fix: [0], speed: [0], course: [0] } }),
  "a state of an unknown handle": () =>
    cell({ state: { n: [99], state: [0], since: [0], flags: [0] } }),
};

for (const [what, part] of Object.entries(WRONG)) {
  test(`${what} contradicts the contract`, () => {
    const { store } = makeStore();
    assert.throws(() => applyTick(tick(1000, VIEW, part()), HELLO, store), FeedError);
  });
}

test("what is not a message raises FeedError and nothing else", () => {
  for (const text of ["", "{", "null", "[]", "7", '"x"', "{}"])
    assert.throws(() => parseMessage(text), FeedError, text);
  for (const message of [
    {},
    { tick: 1 },
    { tick: 1, parts: [] },
    { tick: 1.5, parts: [status()] },
  ]) {
    assert.throws(() => applyTick(message, HELLO, makeStore().store), FeedError);
  }
  for (const hello of [{}, { version: 1, time_ms: 1, tick_interval_ms: 0, states: [] }]) {
    assert.throws(() => readHello(hello), FeedError);
  }
  const flying = { version: 1, time_ms: 1, tick_interval_ms: 1, states: ["flying"] };
  assert.throws(() => readHello(flying), FeedError);
});
