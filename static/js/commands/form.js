/**
 * What is asked: the tiles of kinds, the fields of the chosen one, and for a dangerous one what has
 * to be typed before it may go.
 */
import { byId } from "../layout.js";
import {
  INTERVALS_S,
  SPEED_UNKNOWN,
  confirmTail,
  dangerousOrder,
  inOrder,
  isConfirmed,
  readParameter,
} from "./model.js";
import { kindMeans, kindName, secondsWords } from "./words.js";

/** @typedef {import("../desk.js").Desk} Desk */
/** @typedef {import("./model.js").CommandKind} CommandKind */
/** @typedef {import("./model.js").Parameter} Parameter */

/** Text fields for the kinds whose text is the device's own language. */
const CODE_KINDS = new Set(["custom"]);

export class CommandForm {
  /** @type {CommandKind[]} */ #kinds = [];
  /** @type {CommandKind | null} */ #chosen = null;
  #device = "";
  /** What the tiles and fields were made for. */
  #shown = "";

  /** @param {Desk} desk @param {() => void} onChange */
  constructor(desk, onChange) {
    this.desk = desk;
    this.onChange = onChange;
    byId("command-confirm").addEventListener("input", onChange);
    byId("command-unknown-word").addEventListener("change", onChange);
  }

  get chosen() {
    return this.#chosen;
  }

  /** @param {CommandKind[]} kinds @param {string} device its identity */
  show(kinds, device) {
    const { language } = this.desk.strings.value;
    const shown = JSON.stringify([kinds, device, language]);
    if (shown === this.#shown) return; // what was typed meanwhile stays
    this.#shown = shown;
    this.#kinds = inOrder(kinds);
    this.#device = device;
    const before = this.#chosen?.kind;
    const able = this.#kinds.filter(({ supported }) => supported);
    this.#chosen = able.find(({ kind }) => kind === before) ?? able[0] ?? null;
    this.#renderTiles();
    this.#renderFields();
  }

  /** Everything typed is forgotten. */
  clear() {
    this.#chosen = null;
    this.#kinds = [];
    this.#shown = "";
    byId("command-kinds").replaceChildren();
    this.#renderFields();
  }

  /** The same vehicle once more: nothing that was typed before, and nothing dangerous, is at hand. */
  begin() {
    this.#chosen = this.#kinds.find(({ supported }) => supported) ?? null;
    this.#renderTiles();
    this.#renderFields();
  }

  /** @param {CommandKind} kind */
  #choose(kind) {
    this.#chosen = kind;
    this.#renderTiles();
    this.#renderFields();
    this.onChange();
  }

  #renderTiles() {
    const strings = this.desk.strings.value;
    const tiles = this.#kinds.map((kind) => {
      const tile = document.createElement("button");
      tile.type = "button";
      tile.className = "command-kind";
      tile.dataset.kind = kind.kind;
      tile.dataset.test = `command-kind-${kind.kind}`;
      tile.setAttribute("role", "radio");
      tile.setAttribute("aria-checked", String(kind === this.#chosen));
      tile.tabIndex = kind === this.#chosen ? 0 : -1;
      tile.disabled = !kind.supported;
      tile.classList.toggle("command-kind-danger", kind.dangerous);
      if (!kind.supported) tile.title = kind.reason ?? strings.t("command.unsupported");
      tile.append(icon(kind.kind), kindName(kind.kind, strings));
      tile.addEventListener("click", () => this.#choose(kind));
      tile.addEventListener("keydown", (event) => this.#walk(event));
      return tile;
    });
    const host = byId("command-kinds");
    const focused = host.contains(document.activeElement);
    host.replaceChildren(...tiles);
    if (focused) tiles.find((tile) => tile.tabIndex === 0)?.focus();
  }

  /** Arrow keys go from tile to tile, as in any group of radio buttons. @param {KeyboardEvent} event */
  #walk(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step === undefined || this.#chosen === null) return;
    event.preventDefault();
    const able = this.#kinds.filter(({ supported }) => supported);
    const next = (able.indexOf(this.#chosen) + step + able.length) % able.length;
    this.#choose(able[next]);
  }

  #renderFields() {
    const kind = this.#chosen;
    const strings = this.desk.strings.value;
    byId("command-means").textContent = kind
      ? kindMeans(kind.kind, strings)
      : strings.t(this.#kinds.length ? "command.nothing" : "command.asking");
    byId("command-fields").replaceChildren(
      ...(kind?.parameters ?? []).map((parameter) => this.#field(kind?.kind ?? "", parameter)),
    );
    const danger = byId("command-danger");
    danger.hidden = !kind?.dangerous;
    const confirm = /** @type {HTMLInputElement} */ (byId("command-confirm"));
    confirm.value = "";
    this.#offerWord(false);
    this.#renderConfirmLabel();
    byId("command-problem").textContent = "";
  }

  /** "To confirm, type 0048 …", with what is to be typed set apart. */
  #renderConfirmLabel() {
    const tail = document.createElement("code");
    tail.textContent = confirmTail(this.#device);
    const [before, after] = this.desk.t("command.confirm", { tail: "\n" }).split("\n");
    byId("command-confirm-label").replaceChildren(before, tail, after);
  }

  /** @param {string} kind @param {Parameter} parameter */
  #field(kind, parameter) {
    const strings = this.desk.strings.value;
    const label = document.createElement("label");
    label.className = "command-field";
    const name = document.createElement("span");
    name.textContent = strings.t(`command.parameter.${parameter.name}`);
    const number = parameter.type === "integer";
    const input = document.createElement(number ? "input" : "textarea");
    input.name = parameter.name;
    input.dataset.test = `command-${parameter.name}`;
    input.autocomplete = "off";
    input.addEventListener("input", this.onChange);
    if (input instanceof HTMLInputElement) {
      input.type = "text";
      input.inputMode = "numeric";
      input.value = "30";
      label.append(name, input, this.#presets(parameter, input));
      return label;
    }
    input.rows = 2;
    input.spellcheck = !CODE_KINDS.has(kind);
    input.classList.toggle("command-code", CODE_KINDS.has(kind));
    if (parameter.max_length) input.maxLength = parameter.max_length;
    label.append(name, input);
    return label;
  }

  /** @param {Parameter} parameter @param {HTMLInputElement} input */
  #presets({ minimum = 1, maximum = Infinity }, input) {
    const row = document.createElement("span");
    row.className = "command-presets";
    for (const seconds of INTERVALS_S) {
      if (seconds < minimum || seconds > maximum) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = secondsWords(seconds, this.desk.strings.value);
      button.addEventListener("click", () => {
        input.value = String(seconds);
        this.onChange();
      });
      row.append(button);
    }
    return row;
  }

  /**
   * The command as it would be sent, or the first thing that is wrong with it.
   * @returns {{order: Record<string, unknown>} | {problem: string, values: Record<string, any>}}
   */
  read() {
    const kind = this.#chosen;
    if (kind === null) return { problem: "command.nothing", values: {} };
    /** @type {Record<string, unknown>} */
    const parameters = {};
    for (const parameter of kind.parameters) {
      const input = /** @type {HTMLInputElement} */ (
        byId("command-fields").querySelector(`[name="${parameter.name}"]`)
      );
      const got = readParameter(parameter, input.value);
      if ("problem" in got) return got;
      parameters[parameter.name] = got.value;
    }
    if (!kind.dangerous) return { order: { kind: kind.kind, parameters } };
    const { value } = /** @type {HTMLInputElement} */ (byId("command-confirm"));
    if (!isConfirmed(value, this.#device)) {
      return { problem: "command.problem.confirm", values: { tail: confirmTail(this.#device) } };
    }
    const said = /** @type {HTMLInputElement} */ (byId("command-unknown-word")).checked;
    return { order: dangerousOrder(kind.kind, parameters, this.#device, said) };
  }

  /** The server refused with this code: what one may say to that. @param {string} code */
  refused(code) {
    if (code === SPEED_UNKNOWN && this.#chosen?.dangerous) this.#offerWord(true);
  }

  /** The word that the speed need not be known is never given beforehand. @param {boolean} offered */
  #offerWord(offered) {
    byId("command-unknown").hidden = !offered;
    if (!offered) /** @type {HTMLInputElement} */ (byId("command-unknown-word")).checked = false;
  }

  /** After a command has gone: the next one starts with empty fields. */
  reset() {
    this.#renderFields();
  }
}

/** @param {string} kind */
function icon(kind) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.classList.add("icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#c-${kind}`);
  svg.append(use);
  return svg;
}
