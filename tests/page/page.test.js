import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { test } from "node:test";
import { attributeName, attributeValue } from "../../static/js/attributes.js";
import { ServerClock } from "../../static/js/clock.js";
import { deviceAddress } from "../../static/js/config.js";
import { Strings, chooseLanguage } from "../../static/js/i18n.js";
import { Subscription, WATCH_ALL_UP_TO } from "../../static/js/subscribe.js";
import { readTrack } from "../../static/js/track.js";
import { formatHash, parseHash } from "../../static/js/url.js";

const ROOT = new URL("../../", import.meta.url);
const read = (/** @type {string} */ path) => readFile(new URL(path, ROOT), "utf8");
const messages = async (/** @type {string} */ language) =>
  JSON.parse(await read(`static/i18n/${language}.json`));

const en = new Strings("en", await messages("en"));
const zh = new Strings("zh-CN", await messages("zh-CN"));

test("both languages have the same keys, none of them empty, and the same places to fill", () => {
  assert.deepEqual(Object.keys(zh.messages), Object.keys(en.messages));
  const places = (/** @type {string} */ text) => (text.match(/\{\w+\}/g) ?? []).sort();
  for (const [key, text] of Object.entries(en.messages)) {
    assert.notEqual(text.trim(), "", key);
    assert.notEqual(zh.messages[key].trim(), "", key);
    assert.deepEqual(places(zh.messages[key]), places(text), key);
  }
});

test("every text that page and scripts ask for is there", async () => {
  const asked = new Set();
  for (const name of ["index.html", "details.html", "help.html", "replay.html", "commands.html", "admin-devices.html"]) {
    const html = await read(`templates/${name}`);
    for (const [, key] of html.matchAll(/data-i18n(?:-label|-placeholder)?="([^"{]+)"/g))
      asked.add(key);
  }
  for (const name of await readdir(new URL("static/js/", ROOT), { recursive: true })) {
    if (!name.endsWith(".js")) continue;
    const script = await read(`static/js/${name}`);
    for (const [, key] of script.matchAll(/\bt\("([a-z][\w.]+)"/gi)) asked.add(key);
  }
  assert.ok(asked.size > 80, `${asked.size} keys found`);
  const missing = [...asked].filter((key) => !en.has(key) && !en.has(`${key}_other`));
  assert.deepEqual(missing, []);
});

test("texts are filled, plurals chosen, unknown keys shown as they are", () => {
  assert.equal(en.t("list.all", { count: 1 }), "1 vehicle");
  assert.equal(en.t("list.all", { count: 12_345 }), "12,345 vehicles");
  assert.equal(zh.t("list.all", { count: 1 }), "1 辆车");
  assert.equal(
    en.t("filter.query", { query: "{count}" }),
    "“{count}”",
    "what a viewer types is not a template",
  );
  assert.equal(en.t("no.such.key"), "no.such.key");
});

test("durations and ages in both languages", () => {
  assert.equal(en.duration(12 * 60_000), "12 min");
  assert.equal(en.duration(3 * 3_600_000 + 20 * 60_000), "3 hr 20 min");
  assert.equal(en.duration(-5), "0 sec");
  assert.equal(en.duration(50 * 3_600_000), "2 days");
  assert.match(zh.duration(12 * 60_000), /^12\s?分钟$/);
  assert.equal(en.ago(900), "now");
  assert.equal(en.ago(-4000), "now", "a device's clock may be ahead");
  assert.equal(en.ago(65_000), "1m ago");
  assert.match(zh.ago(3 * 3_600_000), /3\s?小时前/);
});

test("the language: what is asked for, else English", () => {
  assert.deepEqual(["zh", "zh-TW", "ZH-cn", "en-GB", "de", "", null].map(chooseLanguage), [
    "zh-CN",
    "zh-CN",
    "zh-CN",
    "en",
    "en",
    "en",
    "en",
  ]);
});

test("attributes: names in words, units from the end of the name", () => {
  assert.equal(attributeName("odometer_m", en), "Odometer");
  assert.equal(attributeName("odometer_m", zh), "里程表");
  assert.equal(attributeName("left_wing_mirror_deg", en), "Left wing mirror");
  assert.equal(attributeValue("odometer_m", 123_456_700, en), "123,456.7 km");
  assert.equal(attributeValue("depth_m", 950, en), "950 m");
  assert.equal(attributeValue("battery_mv", 3971, en), "3.97\u00a0V");
  assert.equal(attributeValue("power_v", 13.8, en), "13.8\u00a0V");
  assert.equal(attributeValue("rssi_dbm", -71, en), "\u221271\u00a0dBm");
  assert.equal(attributeValue("fuel_percent", 62, en), "62%");
  assert.equal(attributeValue("uptime_s", 7200, en), "2 hr");
  assert.equal(attributeValue("door_open", false, zh), "否");
  assert.equal(attributeValue("cells", [1, "x", null], en), "1, x, –");
  assert.equal(
    attributeValue("cells", [{ mcc: 460, on: true }, { mcc: 2 }], en),
    "mcc 460 on yes, mcc 2",
  );
});

test("the address says what is on the desk, and is read back", () => {
  const place = {
    map: { zoom: 13.25, lat: 22.54321, lon: 114.05999 },
    query: "粤B 12&3",
    states: [0, 4],
    vehicle: "4zq0",
  };
  const hash = formatHash(place);
  assert.match(hash, /^#map=13\.25\/22\.54321\/114\.05999&q=/);
  assert.deepEqual(parseHash(hash), place);
  assert.equal(formatHash({ map: null, query: "", states: [], vehicle: null }), "");
});

test("an address that makes no sense changes nothing", () => {
  const nothing = { map: null, query: "", states: [], vehicle: null };
  for (const hash of [
    "",
    "#",
    "#map=",
    "#map=1/2",
    "#map=x/1/2",
    "#map=5//7",
    "#map=99/0/0",
    "#map=3/91/0",
    "#state=flying&vehicle=",
  ]) {
    assert.deepEqual(parseHash(hash), nothing, hash);
  }
});

test("a small fleet is watched whole; a large one by the map's bounds with a margin", () => {
  const subscription = new Subscription();
  const box = { west: 113, south: 22, east: 115, north: 23 };
  assert.equal(subscription.update(WATCH_ALL_UP_TO, box, 9), undefined);
  const asked = subscription.update(WATCH_ALL_UP_TO + 1, box, 9.3);
  assert.deepEqual(asked, { bbox: [112.5, 21.75, 115.5, 23.25], zoom: 9 });
  assert.equal(
    subscription.update(9000, { ...box, west: 112.6 }, 9),
    undefined,
    "within the margin",
  );
  assert.notEqual(subscription.update(9000, { ...box, west: 112.4 }, 9), undefined, "beyond it");
  const near = { west: 113.5, south: 22.4, east: 113.7, north: 22.5 };
  assert.notEqual(subscription.update(9000, near, 12), undefined, "much less is needed");
  assert.equal(subscription.update(4800, near, 12), undefined, "no to and fro at the limit");
  assert.equal(subscription.update(4400, near, 12), null);
  assert.equal(subscription.narrowed, false);
});

test("boxes that cross the antimeridian or hold the world are legal for the server", () => {
  const across = new Subscription().update(
    9000,
    { west: 170, south: -20, east: 190, north: -10 },
    5,
  );
  assert.deepEqual(across?.bbox, [165, -22.5, -165, -7.5]);
  const world = new Subscription().update(
    9000,
    { west: -250, south: -85, east: 250, north: 85 },
    1,
  );
  assert.deepEqual(world?.bbox, [-180, -90, 180, 90]);
});

test("the server's clock is that of the quickest message, and follows a viewer that slept", () => {
  const clock = new ServerClock();
  assert.equal(clock.known, false);
  clock.sample(1_000_000, 500 + 80);
  clock.sample(1_001_000, 1500 + 5);
  clock.sample(1_002_000, 2500 + 300);
  assert.equal(clock.now(3505), 1_003_000);
  // The monotonic clock stood still for a minute while the machine slept.
  clock.sample(1_063_000, 3505);
  assert.equal(clock.now(3505), 1_063_000);
});

test("the address for trackers is one that they can reach", () => {
  assert.equal(deviceAddress("0.0.0.0:9501", "fleet.example"), "fleet.example:9501");
  assert.equal(deviceAddress("[::]:7000", "fleet.example"), "fleet.example:7000");
  assert.equal(deviceAddress("10.1.2.3:9501", "fleet.example"), "10.1.2.3:9501");
  assert.equal(deviceAddress("", "localhost"), "localhost:9501");
});

test("of a stored track the usable points are read, in order of time", () => {
  const at = (second, more) => ({
    fix_time: `2026-03-01T08:30:${second}.000Z`,
    lat: 1,
    lon: 2,
    speed_kmh: 3,
    ...more,
  });
  const points = readTrack({
    positions: [
      at("15"),
      at("10", { speed_kmh: null }),
      at("12", { valid: false }),
      at("xx"),
      at("13", { lat: undefined }),
    ],
  });
  assert.deepEqual(points, [
    { ms: Date.UTC(2026, 2, 1, 8, 30, 10), lat: 1, lon: 2, kmh: null },
    { ms: Date.UTC(2026, 2, 1, 8, 30, 15), lat: 1, lon: 2, kmh: 3 },
  ]);
  assert.deepEqual(readTrack({}), []);
});

/** Relative luminance and contrast as WCAG 2 defines them. */
function contrast(/** @type {string} */ one, /** @type {string} */ other) {
  const [a, b] = [one, other].map((colour) => {
    const hex = colour.length === 4 ? colour.replace(/[0-9a-f]/gi, "$&$&") : colour;
    const [r, g, blue] = [1, 3, 5].map((i) => {
      const v = parseInt(hex.slice(i, i + 2), 16) / 255;
      return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * blue;
  });
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

test("in both themes markers stand out from the ground 3:1, and texts from their surface 4.5:1", async () => {
  const css = await read("static/css/tokens.css");
  const [dark, light] = css.split(':root[data-theme="light"]');
  for (const [theme, block] of Object.entries({ dark, light })) {
    const colours = Object.fromEntries(
      [...block.matchAll(/--([\w-]+): (#[0-9a-f]{3,6});/gi)].map(([, name, value]) => [
        name,
        value,
      ]),
    );
    for (const marker of ["moving", "idle", "parked", "stale", "offline", "alarm", "accent"]) {
      for (const ground of ["land", "sea"]) {
        const ratio = contrast(colours[marker], colours[ground]);
        assert.ok(ratio >= 3, `${theme}: ${marker} on ${ground} ${ratio.toFixed(2)}`);
      }
    }
    for (const text of ["text", "text-2", "text-3"]) {
      for (const surface of ["surface", "surface-raised"]) {
        const ratio = contrast(colours[text], colours[surface]);
        assert.ok(ratio >= 4.5, `${theme}: ${text} on ${surface} ${ratio.toFixed(2)}`);
      }
    }
    assert.ok(contrast(colours["on-accent"], colours.accent) >= 4.5, `${theme}: accent buttons`);
  }
});
