import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import {
  canCancel,
  confirmTail,
  dangerousOrder,
  inOrder,
  isConfirmed,
  isOpen,
  readParameter,
  standing,
} from "../../static/js/commands/model.js";
import { commandTitle, kindName, outcomeWords } from "../../static/js/commands/words.js";
import { Strings } from "../../static/js/i18n.js";

const en = new Strings(
  "en",
  JSON.parse(await readFile(new URL("../../static/i18n/en.json", import.meta.url), "utf8")),
);
const kind = (/** @type {string} */ name) => ({
  kind: name,
  supported: true,
  dangerous: false,
  parameters: [],
});
const command = (/** @type {object} */ more) => ({
  id: "c1",
  vehicle: "v1",
  kind: "locate",
  parameters: {},
  state: "queued",
  created_time: "2026-03-01T10:00:00Z",
  expires_time: null,
  sent_time: null,
  ended_time: null,
  reply: null,
  detail: null,
  transitions: [],
  ...more,
});

test("dangerous kinds come last, kinds that the page does not know behind them", () => {
  const names = inOrder(["beep", "engine_cut", "locate", "engine_restore"].map(kind)).map(
    (k) => k.kind,
  );
  assert.deepEqual(names, ["locate", "engine_restore", "engine_cut", "beep"]);
});

test("only the end of this very device's identity confirms", () => {
  assert.equal(confirmTail("359099000000017"), "0017");
  assert.equal(isConfirmed(" 0017 ", "359099000000017"), true);
  assert.equal(isConfirmed("017", "359099000000017"), false);
  assert.equal(isConfirmed("359099000000017", "359099000000017"), false);
  assert.equal(isConfirmed("ab-1", "TRUCK-AB-1"), true, "case does not matter");
  assert.equal(isConfirmed("x9", "X9"), true, "a short identity is typed whole");
  assert.equal(isConfirmed("", ""), false, "nothing never confirms");
});

test("that the speed is not known is said only where it was said", () => {
  const order = { kind: "engine_cut", parameters: {}, confirm: "359099000000017" };
  assert.deepEqual(dangerousOrder("engine_cut", {}, "359099000000017", false), order);
  assert.deepEqual(dangerousOrder("engine_cut", {}, "359099000000017", true), {
    ...order,
    speed_unknown: true,
  });
});

test("fields are read as their kind says, or the first fault is named", () => {
  const seconds = { name: "seconds", type: "integer", minimum: 10, maximum: 600 };
  assert.deepEqual(readParameter(seconds, " 30 "), { value: 30 });
  for (const text of ["", "9", "601", "3.5", "-30", "1e2", "0x20", "thirty"]) {
    assert.deepEqual(readParameter(seconds, text), {
      problem: "command.problem.number",
      values: { least: 10, most: 600 },
    });
  }
  const text = { name: "text", type: "string", max_length: 5 };
  assert.deepEqual(readParameter(text, "STOP"), { value: "STOP" });
  assert.equal(/** @type {any} */ (readParameter(text, "  ")).problem, "command.problem.empty");
  assert.equal(/** @type {any} */ (readParameter(text, "STATUS")).problem, "command.problem.long");
});

test("what can be taken back, and what still goes on", () => {
  const states = ["queued", "held", "sent", "answered", "failed", "expired", "cancelled"];
  assert.deepEqual(states.filter(isOpen), ["queued", "held", "sent"]);
  for (const state of states) assert.ok(en.has(`command.state.${state}`), state);
  const steps = (/** @type {string[]} */ ...names) =>
    command({
      state: names.at(-1) === "held" ? "queued" : names.at(-1),
      transitions: names.map((state) => ({ time: "", state, detail: null, node: "a" })),
    });
  assert.equal(canCancel(steps("queued")), true);
  assert.equal(canCancel(steps("queued", "held")), true);
  assert.equal(canCancel(steps("queued", "sent")), false);
  assert.equal(canCancel(steps("queued", "sent", "queued")), false, "it has left once");
  assert.equal(canCancel(steps("queued", "cancelled")), false);
  assert.equal(standing(steps("queued", "held")), "held");
  assert.equal(standing(steps("queued", "held", "sent")), "sent");
  assert.equal(standing(steps("queued")), "queued");
});

test("a command in words", () => {
  assert.equal(commandTitle(command({}), en), "Locate now");
  assert.equal(
    commandTitle(command({ kind: "interval", parameters: { seconds: 90 } }), en),
    "Interval · 90 sec",
  );
  assert.equal(
    commandTitle(command({ kind: "custom", parameters: { text: "STATUS#" } }), en),
    "Custom · “STATUS#”",
  );
  assert.equal(kindName("open_door", en), "open door", "an unknown kind is shown by its own word");
  assert.equal(outcomeWords("OK!", "matched by reference"), "OK!");
  assert.equal(outcomeWords(null, "no reply within 60 s"), "no reply within 60 s");
  assert.equal(outcomeWords(null, null), "");
});
