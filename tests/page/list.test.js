import assert from "node:assert/strict";
import { test } from "node:test";
import { Filter } from "../../static/js/filter.js";
import { foldHaystack, foldQuery, matches } from "../../static/js/fold.js";
import { ListOrder } from "../../static/js/order.js";
import { VehicleStore } from "../../static/js/store.js";

const found = (
  /** @type {string} */ query,
  /** @type {string} */ name,
  device = "356307042441013",
) => matches(foldHaystack(name, device, "4zq0p8d1xk3ma"), foldQuery(query));

test("search does not mind width, case, accents and the marks in plates", () => {
  assert.ok(found("粤b12345", "粤B·12345"));
  assert.ok(found("粤Ｂ１２３", "粤B·12345"));
  assert.ok(found("粤B-123", "粤Ｂ·１２３４５"));
  assert.ok(found("TRUCK", "truck 7"));
  assert.ok(found("zurich", "Zürich 3"));
  assert.ok(found("Zürich", "ZURICH 3"));
  assert.ok(found("", "anything"));
  assert.ok(found("   ", "anything"));
  assert.ok(!found("truck", "van 7"));
});

test("all words must be found, in the name or, from three letters on, in an identity", () => {
  assert.ok(found("truck 1", "Truck 12"));
  assert.ok(!found("truck 1", "Truck 4"), "the 1 of its device is no match");
  assert.ok(found("0704", "Truck 4"));
  assert.ok(found("truck 0704", "Truck 4"));
  assert.ok(found("4ZQ0", "Truck 4"));
  assert.ok(!found("truck 999", "Truck 4"));
});

function fleet(rows) {
  const store = new VehicleStore(
    (lat, lon, out) => out.set([lon, lat]),
    () => 0,
  );
  store.begin();
  rows.forEach(([name, state, fixMs], i) => add(store, i + 1, name, state, fixMs));
  store.end();
  return store;
}

function add(store, handle, name, state, fixMs) {
  store.enter({
    handle,
    name,
    state,
    fixMs,
    id: `id-${name}`,
    cell: "0/0/0",
    group: "",
    device: `d${handle}`,
    lat: 0,
    lon: 0,
    speed: 0,
    course: -1,
    sinceMs: 0,
    flags: 0,
  });
}

const namesOf = (store, order) => order.slots.map((slot) => store.names[slot]);

test("the filter joins states by or, and states and query by and", () => {
  const store = fleet([
    ["Truck 1", 0, 5],
    ["Truck 2", 1, 6],
    ["Van 1", 0, 7],
    ["Van 2", 4, 8],
  ]);
  const filter = new Filter();
  assert.equal(filter.apply(store), 4);
  assert.equal(filter.active, false);
  filter.toggle(0);
  assert.equal(filter.apply(store), 2);
  filter.toggle(4);
  assert.equal(filter.apply(store), 3);
  filter.search("van");
  assert.equal(filter.apply(store), 2);
  assert.equal(store.columns.shown[store.slotOf("id-Truck 1")], 0);
  filter.toggle(0);
  assert.equal(filter.apply(store), 1);
  filter.clear();
  assert.equal(filter.apply(store), 4);
});

test("all five states chosen is the same as none", () => {
  const filter = new Filter();
  for (const state of [0, 1, 2, 3, 4]) filter.toggle(state);
  assert.equal(filter.states.size, 0);
});

test("sorts by name as people count, by state, by last report", () => {
  const store = fleet([
    ["Truck 10", 0, 5],
    ["truck 9", 1, 9],
    ["Bus 2", 2, 7],
    ["Bus 11", 0, 7],
  ]);
  const filter = new Filter();
  filter.apply(store);
  const order = new ListOrder("en");
  order.update(store);
  assert.deepEqual(namesOf(store, order), ["Bus 2", "Bus 11", "truck 9", "Truck 10"]);
  order.sort = "state";
  order.update(store);
  assert.deepEqual(namesOf(store, order), ["Bus 11", "Truck 10", "truck 9", "Bus 2"]);
  order.sort = "report";
  order.update(store);
  assert.deepEqual(namesOf(store, order), ["truck 9", "Bus 2", "Bus 11", "Truck 10"]);
});

test("a frozen order keeps its rows in place: what goes leaves, what comes is last", () => {
  const store = fleet([
    ["B", 0, 1],
    ["D", 0, 2],
    ["F", 0, 3],
  ]);
  const filter = new Filter();
  const order = new ListOrder("en");
  filter.apply(store);
  order.update(store);
  order.frozen = true;
  store.begin();
  store.leave(2);
  add(store, 4, "A", 0, 4);
  store.end();
  filter.apply(store);
  order.update(store);
  assert.deepEqual(namesOf(store, order), ["B", "F", "A"]);
  order.frozen = false;
  order.update(store);
  assert.deepEqual(namesOf(store, order), ["A", "B", "F"]);
});

test("a renamed vehicle is found and sorted by its new name", () => {
  const store = fleet([
    ["A", 0, 1],
    ["B", 0, 2],
  ]);
  const order = new ListOrder("en");
  const filter = new Filter();
  filter.apply(store);
  order.update(store);
  store.begin();
  add(store, 1, "A", 0, 1);
  store.enter({
    handle: 1,
    name: "Z",
    state: 0,
    fixMs: 1,
    id: "id-A",
    cell: "0/0/0",
    group: "",
    device: "d1",
    lat: 0,
    lon: 0,
    speed: 0,
    course: -1,
    sinceMs: 0,
    flags: 0,
  });
  store.end();
  filter.apply(store);
  order.update(store);
  assert.deepEqual(namesOf(store, order), ["B", "Z"]);
  filter.search("z");
  assert.equal(filter.apply(store), 1);
});
