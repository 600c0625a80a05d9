/**
 * The latest commands of a vehicle, in the dialog: what was asked, how far it has come, and on
 * request every step with its time. One that has not left yet can be taken back.
 */
import { canCancel, standing } from "./model.js";
import { commandTitle, outcomeWords } from "./words.js";

/** @typedef {import("../desk.js").Desk} Desk */
/** @typedef {import("./model.js").Command} Command */

export class History {
  /** Commands whose steps are shown. @type {Set<string>} */ #unfolded = new Set();
  /** Where an age is written, and since when, Unix ms. @type {Map<HTMLElement, number>} */
  #ages = new Map();

  /** @param {Desk} desk @param {HTMLElement} list @param {(id: string) => void} cancel */
  constructor(desk, list, cancel) {
    this.desk = desk;
    this.list = list;
    this.cancel = cancel;
  }

  /** @param {Command[]} commands newest first */
  render(commands) {
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.id : "";
    this.#ages.clear();
    this.list.replaceChildren(...commands.map((command) => this.#row(command)));
    this.renderAges();
    if (focused) document.getElementById(focused)?.focus();
  }

  /** Ages grow while nothing else changes. */
  renderAges() {
    const { strings } = this.desk;
    const now = this.desk.serverNow();
    for (const [when, sinceMs] of this.#ages) {
      const text = strings.value.ago(now - sinceMs);
      if (when.textContent !== text) when.textContent = text;
    }
  }

  /** @param {Command} command */
  #row(command) {
    const { desk } = this;
    const strings = desk.strings.value;
    const row = element("li", "command-row");
    row.dataset.command = command.id;
    const state = standing(command);
    row.dataset.state = state;
    const details = /** @type {HTMLDetailsElement} */ (element("details", ""));
    const summary = element("summary", "command-summary");
    summary.id = `command-summary-${command.id}`;
    const chip = element("span", "command-state", strings.t(`command.state.${state}`));
    chip.dataset.test = "command-state";
    const when = element("time", "command-time");
    const createdMs = Date.parse(command.created_time);
    this.#ages.set(when, createdMs);
    when.title = strings.dateTime(createdMs);
    summary.append(element("b", "command-name", commandTitle(command, strings)), chip, when);
    const words = outcomeWords(command.reply, command.detail);
    if (words) summary.append(element("span", "command-reply", words));
    details.append(summary, this.#steps(command));
    details.open = this.#unfolded.has(command.id);
    details.addEventListener("toggle", () => {
      if (details.open) this.#unfolded.add(command.id);
      else this.#unfolded.delete(command.id);
    });
    row.append(details);
    if (canCancel(command)) row.append(this.#cancelButton(command));
    return row;
  }

  /** @param {Command} command */
  #cancelButton(command) {
    const button = /** @type {HTMLButtonElement} */ (
      element("button", "command-cancel", this.desk.t("command.cancel"))
    );
    button.type = "button";
    button.id = `command-cancel-${command.id}`;
    button.addEventListener("click", () => this.cancel(command.id));
    return button;
  }

  /** @param {Command} command */
  #steps({ transitions }) {
    const strings = this.desk.strings.value;
    const steps = element("ol", "command-steps");
    for (const { time, state, detail, node } of transitions) {
      const step = element("li", "");
      const word = [strings.t(`command.state.${state}`), detail].filter(Boolean).join(": ");
      step.append(
        element("time", "", strings.clock(Date.parse(time))),
        element("span", "", word),
        element("span", "command-node", node),
      );
      steps.append(step);
    }
    return steps;
  }
}

/** @param {string} tag @param {string} className @param {string} [text] */
function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}
