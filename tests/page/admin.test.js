/**
 * The administrator's page: bytes as lines, and what is guessed of them.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";
import { age, guess, lines } from "../../static/js/admin/show.js";
import { Strings } from "../../static/js/i18n.js";

const file = new URL("../../static/i18n/en.json", import.meta.url);
const en = new Strings("en", JSON.parse(await readFile(file, "utf8")));
const stranger = {
  reason: "unknown",
  transport: "tcp",
  port: 9501,
  address: "192.0.2.1",
  first_time: "2026-03-01T08:30:00.000Z",
  last_time: "2026-03-01T08:30:00.000Z",
  count: 1,
  protocol: null,
  nearest: [],
  mark: null,
  hex: "",
  text: "",
};

test("bytes: sixteen to a line, a gap in the middle, text beside them", () => {
  const text = "ABCDEFGHIJKLMNOPQR";
  const hex = Buffer.from(text).toString("hex");
  assert.deepEqual(lines(hex, text), {
    hex: "41 42 43 44 45 46 47 48  49 4a 4b 4c 4d 4e 4f 50\n51 52",
    text: "ABCDEFGHIJKLMNOP\nQR",
  });
  assert.deepEqual(lines(hex, text, 8).text, "ABCDEFGH\nIJKLMNOP\nQR");
  assert.deepEqual(lines("", ""), { hex: "", text: "" });
});

test("a guess: what was recognised, else whose mark it is, else who is near", () => {
  const said = (/** @type {object} */ more) => guess({ ...stranger, ...more }, en);
  assert.equal(said({}), "");
  assert.equal(said({ protocol: "gt06", mark: "SSH" }), "gt06");
  assert.equal(said({ mark: "SSH", nearest: ["gt06"] }), "begins like SSH");
  assert.equal(said({ nearest: ["gt06", "jt808"] }), "perhaps gt06, jt808");
  assert.equal(said({ nearest: ["a", "b", "c", "d"] }), "", "everybody is nobody");
  assert.equal(said({ mark: "tls", reason: "tls_not_configured" }), "", "the reason says it");
});

test("ages are in whole minutes", () => {
  const now = Date.parse(stranger.last_time);
  assert.equal(age(stranger.last_time, en, now + 59_000), "now");
  assert.equal(age(stranger.last_time, en, now + 61_000), "1m ago");
});
