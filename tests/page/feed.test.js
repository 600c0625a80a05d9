import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BACKOFF_FIRST_MS,
  BACKOFF_MAX_MS,
  CLOSE_NOT_UNDERSTOOD,
  CLOSE_SILENT,
  DEAD_AFTER_MS,
  DELAYED_AFTER_MS,
  Feed,
  HELLO_WITHIN_MS,
  HIDDEN_EVERY,
  OFFLINE_AFTER_MS,
  STABLE_MS,
} from "../../static/js/feed.js";

const INTERVAL = 1000;

/** A feed that is connected and has had one tick at time 0. */
function connected(random = () => 1) {
  const feed = new Feed(random);
  assert.deepEqual(feed.start(0), [{ kind: "open" }]);
  feed.greeted(0, INTERVAL);
  feed.ticked(0, 100);
  return feed;
}

test("is connecting until the first tick, then live", () => {
  const feed = new Feed();
  feed.start(0);
  assert.equal(feed.status(5).state, "connecting");
  feed.greeted(10, INTERVAL);
  assert.equal(feed.status(11).state, "connecting");
  feed.ticked(12, 7);
  assert.equal(feed.status(12).state, "live");
});

test("acknowledges a tick once, when it has been drawn", () => {
  const feed = connected();
  assert.deepEqual(feed.drawn(), [{ kind: "send", message: { type: "ack", tick: 100 } }]);
  assert.deepEqual(feed.drawn(), []);
  feed.ticked(1000, 101);
  feed.ticked(2000, 102);
  assert.deepEqual(feed.drawn(), [{ kind: "send", message: { type: "ack", tick: 102 } }]);
});

test("asks for every tenth tick in the background and acknowledges without drawing", () => {
  const feed = connected();
  feed.drawn();
  assert.deepEqual(feed.visibility(500, true), [
    { kind: "send", message: { type: "rate", every: HIDDEN_EVERY } },
  ]);
  assert.deepEqual(feed.ticked(1000, 110), [{ kind: "send", message: { type: "ack", tick: 110 } }]);
  assert.equal(feed.status(1000 + HIDDEN_EVERY * INTERVAL).state, "live");
  const back = feed.visibility(9500, false);
  assert.deepEqual(back, [{ kind: "send", message: { type: "rate", every: 1 } }]);
  assert.equal(feed.status(9600).state, "live", "silence of the background does not count");
  assert.equal(feed.status(9500 + INTERVAL + DELAYED_AFTER_MS).state, "delayed");
});

test("a page that is hidden while it connects asks for the low rate after the greeting", () => {
  const feed = new Feed();
  feed.start(0);
  assert.deepEqual(feed.visibility(1, true), []);
  assert.deepEqual(feed.greeted(2, INTERVAL), [
    { kind: "send", message: { type: "rate", every: HIDDEN_EVERY } },
  ]);
});

test("is delayed without ticks for three seconds, live again with the next", () => {
  const feed = connected();
  assert.equal(feed.status(INTERVAL + DELAYED_AFTER_MS - 1).state, "live");
  assert.equal(feed.status(INTERVAL + DELAYED_AFTER_MS).state, "delayed");
  feed.ticked(3500, 103);
  assert.equal(feed.status(3500).state, "live");
});

test("gives a silent connection up and waits before the next attempt", () => {
  const feed = connected();
  const dead = INTERVAL + DEAD_AFTER_MS;
  assert.equal(feed.deadline(), dead);
  assert.deepEqual(feed.timer(dead - 1), []);
  assert.deepEqual(feed.timer(dead), [{ kind: "close", code: CLOSE_SILENT, reason: "silent" }]);
  assert.equal(feed.status(dead).retryInMs, BACKOFF_FIRST_MS);
});

test("gives up a connection that never says hello", () => {
  const feed = new Feed(() => 0.5);
  feed.start(0);
  assert.deepEqual(feed.timer(HELLO_WITHIN_MS), [
    { kind: "close", code: CLOSE_SILENT, reason: "no hello" },
  ]);
});

test("waits a random time below a bound that doubles up to its limit", () => {
  const feed = new Feed(() => 0.999);
  feed.start(0);
  let now = 0;
  const waits = [];
  for (let i = 0; i < 9; i += 1) {
    feed.closed(now, 1006);
    const wait = feed.status(now).retryInMs ?? -1;
    waits.push(wait);
    now += wait;
    assert.deepEqual(feed.timer(now), [{ kind: "open" }]);
  }
  const bounds = waits.map((_, i) => Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** i));
  waits.forEach((wait, i) =>
    assert.ok(Math.abs(wait - 0.999 * bounds[i]) < 1e-6, `${wait} of ${bounds[i]}`),
  );
  const impatient = new Feed(() => 0);
  impatient.start(0);
  impatient.closed(10, 1006);
  assert.equal(impatient.status(10).retryInMs, 0, "full jitter reaches down to nothing");
});

test("a connection that lasted a minute starts the bound again, a shorter one does not", () => {
  const feed = connected();
  feed.closed(10, 1006);
  feed.timer(BACKOFF_FIRST_MS + 10);
  feed.greeted(600, INTERVAL);
  feed.closed(600 + STABLE_MS - 1, 1006);
  assert.equal(feed.status(600 + STABLE_MS - 1).retryInMs, 2 * BACKOFF_FIRST_MS);
  const at = 700 + STABLE_MS + 2 * BACKOFF_FIRST_MS;
  feed.timer(at);
  feed.greeted(at, INTERVAL);
  feed.closed(at + STABLE_MS, 1001);
  assert.equal(feed.status(at + STABLE_MS).retryInMs, BACKOFF_FIRST_MS);
});

for (const code of [1009, 4001, 4002, 4003]) {
  test(`does not reconnect after close code ${code} until asked`, () => {
    const feed = connected();
    feed.closed(10, code);
    const status = feed.status(10);
    assert.equal(status.state, "refused");
    assert.equal(status.closeCode, code);
    assert.equal(feed.deadline(), null);
    assert.deepEqual(feed.network(20, true), []);
    assert.deepEqual(feed.retry(30), [{ kind: "open" }]);
  });
}

for (const code of [1000, 1001, 1006, 4008]) {
  test(`reconnects after close code ${code}`, () => {
    const feed = connected();
    feed.closed(10, code);
    assert.equal(feed.status(10).state, "reconnecting");
    assert.notEqual(feed.deadline(), null);
  });
}

test("tries at once when the network or the tab comes back", () => {
  const feed = connected();
  feed.closed(10, 1006);
  assert.deepEqual(feed.network(20, true), [{ kind: "open" }]);
  feed.closed(30, 1006);
  feed.visibility(40, true);
  assert.deepEqual(feed.visibility(50, false), [{ kind: "open" }]);
});

test("says offline after a while without connection, at once when the browser knows", () => {
  const feed = connected();
  feed.closed(1000, 1006);
  assert.equal(feed.status(OFFLINE_AFTER_MS - 1).state, "reconnecting");
  assert.equal(feed.status(OFFLINE_AFTER_MS).state, "offline", "counted from the last message");
  const other = connected();
  other.network(5, false);
  other.closed(10, 1006);
  assert.equal(other.status(11).state, "offline");
});

test("a greeting alone does not end the outage, a tick does", () => {
  const feed = connected();
  feed.closed(1000, 1006);
  feed.timer(1000 + BACKOFF_FIRST_MS);
  feed.greeted(1600, INTERVAL);
  assert.equal(feed.status(1600).state, "reconnecting");
  feed.ticked(1700, 120);
  assert.equal(feed.status(1700).state, "live");
  assert.equal(feed.status(1700).lostAt, null);
});

test("what is not understood closes the connection and waits", () => {
  const feed = connected();
  assert.deepEqual(feed.misunderstood(50), [
    { kind: "close", code: CLOSE_NOT_UNDERSTOOD, reason: "not understood" },
  ]);
  assert.equal(feed.status(50).state, "reconnecting");
});

test("another version of the contract is refused", () => {
  const feed = new Feed();
  feed.start(0);
  assert.equal(feed.incompatible(1)[0].kind, "close");
  assert.equal(feed.status(1).state, "refused");
});

test("repeats the view after a reconnect and widens it with null", () => {
  const feed = connected();
  const view = /** @type {{bbox: [number, number, number, number], zoom: number}} */ ({
    bbox: [1, 2, 3, 4],
    zoom: 9,
  });
  const message = { kind: "send", message: { type: "view", ...view } };
  assert.deepEqual(feed.watch(view), [message]);
  feed.closed(10, 1006);
  feed.retry(20);
  assert.deepEqual(feed.greeted(30, INTERVAL), [message]);
  assert.deepEqual(feed.watch(null), [{ kind: "send", message: { type: "view", bbox: null } }]);
  assert.deepEqual(feed.watch(null), []);
});
